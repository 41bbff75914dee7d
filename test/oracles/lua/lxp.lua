--[[ Describes what lua-expat makes of streams, read as Prosody reads them (util/xmppstream.lua: the separator is U+0001).

Standard input and output: documents and descriptions (test/oracles/description.ts), each after its length in four bytes,
big-endian. An answer that begins with an exclamation mark is the error that ended the document. ]]
local lxp = require "lxp";
local concat, sort = table.concat, table.sort;

local function expanded(name)
	local namespace, loc = name:match("^([^\1]*)\1?(.*)$");
	if loc == "" then return "", namespace; end
	return namespace, loc;
end

local function read(document)
	local out, n = {}, 0;
	local text = {};
	local depth = 0;
	local function add(piece) n = n + 1; out[n] = piece; end
	local function flush()
		if #text == 0 then return; end
		if depth > 1 then add("\4"); add(concat(text)); end
		text = {};
	end
	local handlers = {};
	function handlers:StartElement(name, attributes)
		flush();
		depth = depth + 1;
		if depth == 1 then return; end
		local namespace, loc = expanded(name);
		add("\1" .. namespace .. "\2" .. loc);
		local written = {};
		for i = 1, #attributes do
			local attribute = attributes[i];
			local ns, l = expanded(attribute);
			written[i] = "\3" .. ns .. "\2" .. l .. "\2" .. attributes[attribute];
		end
		if #written > 1 then sort(written); end
		for i = 1, #written do add(written[i]); end
	end
	function handlers:EndElement()
		flush();
		if depth > 1 then add("\5"); end
		depth = depth - 1;
		if depth == 1 then add("\n"); end
	end
	function handlers:CharacterData(data)
		text[#text + 1] = data;
	end
	local parser = lxp.new(handlers, "\1", false);
	local ok, message = parser:parse(document);
	if ok then ok, message = parser:parse(); end
	if not ok then return "!" .. tostring(message); end
	return concat(out);
end

io.stdin:setvbuf("full");
io.stdout:setvbuf("full");
while true do
	local head = io.read(4);
	if not head or #head < 4 then break; end
	local answer = read(io.read((string.unpack(">I4", head))));
	io.write(string.pack(">I4", #answer), answer);
	io.flush();
end
