#!/usr/bin/env escript
%%! -noinput
%% Describes what fast_xml makes of streams, read as ejabberd reads them (fxml_stream).
%%
%% Standard input and output: documents and descriptions (test/oracles/description.ts), each after its length in four
%% bytes, big-endian. An answer that begins with an exclamation mark is the error that ended the document.
%%
%% ejabberd resolves names in the tree that fast_xml gives: an element's namespace is its `xmlns` attribute or that of the
%% nearest ancestor with one, and a prefix that is left in a name is one that an `xmlns:…` attribute declares.
-mode(compile).

main(_) ->
    {ok, _} = application:ensure_all_started(fast_xml),
    Port = open_port({fd, 0, 1}, [binary, {packet, 4}, eof]),
    loop(Port).

loop(Port) ->
    receive
        {Port, {data, Document}} ->
            port_command(Port, read(Document)),
            loop(Port);
        {Port, eof} ->
            ok
    end.

read(Document) ->
    Stream = fxml_stream:parse(fxml_stream:new(self(), infinity, [no_gen_server]), Document),
    Answer = collect([], #{<<"xml">> => <<"http://www.w3.org/XML/1998/namespace">>}),
    fxml_stream:close(Stream),
    Answer.

collect(Out, Scope) ->
    receive
        {xmlstreamstart, _, Attributes} -> collect(Out, declared(Attributes, Scope));
        {xmlstreamelement, Element} -> collect([Out, describe(Element, Scope), $\n], Scope);
        {xmlstreamcdata, _} -> collect(Out, Scope);
        {xmlstreamend, _} -> Out;
        {xmlstreamerror, Reason} -> io_lib:format("!~p", [Reason])
    after 0 ->
        "!the stream did not end"
    end.

describe({xmlel, Name, Attributes, Children}, Outer) ->
    Scope = declared(Attributes, Outer),
    [1, expanded(Name, Scope, maps:get(<<>>, Scope, <<>>)),
     lists:sort([iolist_to_binary([3, expanded(Key, Scope, <<>>), 2, Value])
                 || {Key, Value} <- Attributes, not is_declaration(Key)]),
     content(Children, Scope), 5].

content([{xmlcdata, One}, {xmlcdata, Other} | Rest], Scope) ->
    content([{xmlcdata, <<One/binary, Other/binary>>} | Rest], Scope);
content([{xmlcdata, <<>>} | Rest], Scope) -> content(Rest, Scope);
content([{xmlcdata, Text} | Rest], Scope) -> [4, Text | content(Rest, Scope)];
content([Element | Rest], Scope) -> [describe(Element, Scope) | content(Rest, Scope)];
content([], _) -> [].

expanded(Name, Scope, Default) ->
    case binary:split(Name, <<":">>) of
        [Local] -> [Default, 2, Local];
        [Prefix, Local] -> [maps:get(Prefix, Scope, <<"?">>), 2, Local]
    end.

declared([{<<"xmlns">>, Name} | Rest], Scope) -> declared(Rest, Scope#{<<>> => Name});
declared([{<<"xmlns:", Prefix/binary>>, Name} | Rest], Scope) -> declared(Rest, Scope#{Prefix => Name});
declared([_ | Rest], Scope) -> declared(Rest, Scope);
declared([], Scope) -> Scope.

is_declaration(<<"xmlns">>) -> true;
is_declaration(<<"xmlns:", _/binary>>) -> true;
is_declaration(_) -> false.
