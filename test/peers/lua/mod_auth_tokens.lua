-- What Prosody 0.12 does not have: OAUTHBEARER (RFC 7628), for tokens that the configuration lists, and the channel
-- binding tls-server-end-point (RFC 5929 §4) beside its own tls-unique. Passwords stay as good as they were.

local sasl = require "util.sasl";
local json = require "util.json";
local from_hex = require "util.hex".from;

local users = module:get_option("test_tokens", {});
local passwords = module:get_option("test_passwords", {});
local end_point = from_hex(module:get_option_string("test_end_point", ""));

local function oauthbearer(self, message)
	if self.refused then
		return "failure", "not-authorized";
	end
	local token = message and message:match("^n,,\1auth=Bearer ([^\1]+)\1\1$");
	local username = token and users[token];
	if not username then
		self.refused = true;
		return "challenge", json.encode({ status = "invalid_token" });
	end
	self.username = username;
	return "success";
end

sasl.registerMechanism("OAUTHBEARER", { "oauthbearer" }, oauthbearer);

local provider = {};

function provider.test_password(username, password)
	return passwords[username] == password;
end

function provider.get_password(username)
	return passwords[username];
end

function provider.user_exists(username)
	return passwords[username] ~= nil;
end

function provider.create_user()
	return nil, "not here";
end

function provider.get_sasl_handler()
	return sasl.new(module.host, {
		oauthbearer = true;
		plain = function(_, username)
			return passwords[username], true;
		end;
	});
end

-- Behind Prosody's own, which adds tls-unique.
module:hook("stream-features", function(event)
	local handler = event.origin.sasl_handler;
	if handler and handler.add_cb_handler and end_point ~= "" then
		handler:add_cb_handler("tls-server-end-point", function()
			return end_point;
		end);
	end
end, -10);

module:provides("auth", provider);
