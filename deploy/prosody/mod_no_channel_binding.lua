-- For Prosody 13 with Narthex as its intermediary and `channelBinding: gatekeeper-without-plus`.
--
-- Channel binding cannot pass an intermediary. `disable_sasl_mechanisms` hides the -PLUS mechanisms, but Prosody still
-- knows that it could bind the channel, and refuses clients that could too and say that they see no offer (gs2 flag `y`,
-- RFC 5802 section 6). This module takes the ability away, with the mechanisms and the announcement (XEP-0440).
--
-- Put it into a folder of `plugin_paths` and its name into `modules_enabled`.

local saslauth_priority = 0;

module:hook("stream-features", function (event)
	local handler = event.origin.sasl_handler;
	if not handler then return; end
	handler.profile.cb = nil;
	event.features:maptags(function (feature)
		if feature.attr.xmlns == "urn:xmpp:sasl-cb:0" then return nil; end
		if feature.name == "mechanisms" then
			feature:maptags(function (mechanism)
				if mechanism:get_text():match("-PLUS$") then return nil; end
				return mechanism;
			end);
		end
		return feature;
	end);
end, saslauth_priority - 1);
