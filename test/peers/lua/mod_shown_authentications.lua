-- Writes each request to authenticate (XEP-0388) to the log as it came, for tests of what a server is shown.

module:hook_tag("urn:xmpp:sasl:2", "authenticate", function(_, request)
	module:log("info", "was shown %s", tostring(request));
end, 1000);
