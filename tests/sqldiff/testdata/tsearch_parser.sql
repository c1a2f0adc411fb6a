-- The default parser, dictionaries and configurations.
select * from ts_token_type('default');
select * from ts_token_type(3722) limit 2;
select * from ts_token_type('nix');
select * from ts_parse('default', '345 qwe@efd.r '' http://www.com/ http://aew.werc.ewr/?ad=qwe&dw 1aew.werc.ewr/?ad=qwe&dw 2aew.werc.ewr http://3aew.werc.ewr/?ad=qwe&dw http://4aew.werc.ewr http://5aew.werc.ewr:8100/?  ad=qwe&dw 6aew.werc.ewr:8100/?ad=qwe&dw 7aew.werc.ewr:8100/?ad=qwe&dw=%20%32 +4.0e-10 qwe qwe qwqwe 234.435 455 5.005 teodor@stack.net teodor@123-stack.net 123_teodor@stack.net 123-teodor@stack.net qwe-wer asdf <fr>qwer jf sdjk<we hjwer <werrwe> ewr1> ewri2 <a href="qwe<qwe>">
/usr/local/fff /awdf/dwqe/4325 rewt/ewr wefjn /wqe-324/ewr gist.h gist.h.c gist.c. readline 4.2 4.2. 4.2, readline-4.2 readline-4.2. 234
<i <b> wow  < jqw <> qwerty');
select * from ts_parse('default', 'abc-def-ghi foo-bar-12 12-foo 1-2 a-1b über-maß naïve-123 x-');
select * from ts_parse('default', '-12 +3.5 -1.2.3 1.2.3 1e5 1.5e-3 1e 12abc abc12 ab12-cd 3.14.15.92 1,000');
select * from ts_parse('default', '&amp; &#123; &#x1F; &nosuch &; <!-- a - comment -- --> <?xml version="1.0"?> <!DOCTYPE html> <br/> <script>var x = 1 < 2;</script> after <STYLE a=b>p{}</style> end');
select * from ts_parse('default', 'a.b c.com foo.co.uk:8080/x?y=z#f user.name+tag@mail.example.org ftp://ftp.x.org/pub/ file.tar.gz ./a ../b ~/c ~d/e /a/b.c a/b.html');
select * from ts_parse('default', 'www.foo_bar.com a_b _c d_ e@f g@h.ij foo@bar-baz.com me@localhost 127.0.0.1 10.0.0.1:80/x');
select * from ts_parse('default', 'Привет мир-труд 日本語 καλημέρα-κόσμε é e' || chr(769) || 'x naïve 2é é2 ½ 一-二');
select * from ts_parse('default', '<a href=''x"y\''z''>t</a> <b class="q\"w">u</b> <not a tag <x:y-z.w> </ b> a<b>c');
select * from ts_parse('default', '');
select * from ts_parse('default', '   ');
select * from ts_parse(3722, 'one two') where tokid = 1;
-- dictionaries
select ts_lexize('simple', 'ASD'), ts_lexize('english_stem', 'skies'), ts_lexize('english_stem', 'the'), ts_lexize('english_stem', 'Identity'), ts_lexize('simple', ''), ts_lexize('english_stem', 'ÄPFEL');
select ts_lexize('nix', 'a');
select w, ts_lexize('english_stem', w) from unnest(string_to_array('running runs ran runner easily fairly happiness national nationalize relational conditional rational generously dying lying news succeed proceed exceed skis inning outing canning herring earring community communication arsenal generate general international university universal happy sky skies cry cries by say days enjoying cats ties tied ponies caress flies agreed plastered bled motoring sing conflated troubled sized hopping tanned falling hissing fizzed failing filing hesitancy valency conformably radically differently analogously predication operator feudalism decisiveness hopefulness callously formality sensitivity sensibility triplicate formative electrical hopeful goodness revival allowance inference airliner gyroscopic adjustable defensible irritant replacement adjustment dependent adoption homologous communism activate angularity effective bowdlerize probate rate cease controlling roll yes early only ugly gently idly singly bias atlas cosmos andes howe sky''s dogs''', ' ')) w;
select w, ts_lexize('german_stem', w), ts_lexize('french_stem', w), ts_lexize('spanish_stem', w), ts_lexize('italian_stem', w), ts_lexize('portuguese_stem', w) from unnest(array['nationen', 'häuser', 'continuellement', 'nations', 'naciones', 'abbandonata', 'comunicações', 'und', 'le', 'el']) w;
select w, ts_lexize('dutch_stem', w), ts_lexize('swedish_stem', w), ts_lexize('danish_stem', w), ts_lexize('norwegian_stem', w), ts_lexize('finnish_stem', w) from unnest(array['lichamelijkheden', 'jaktkarlens', 'undersøgelsen', 'havnedistriktene', 'edeltäjistään', 'en', 'och']) w;
select w, ts_lexize('russian_stem', w), ts_lexize('romanian_stem', w), ts_lexize('hungarian_stem', w), ts_lexize('turkish_stem', w), ts_lexize('irish_stem', w) from unnest(array['важнейшими', 'abruptă', 'megszüntetésével', 'kitaplarımızda', 'bhfuil', 'и']) w;
select ts_lexize('french_stem', w), w from unnest(array['altaïque', 'ambiguïtés', 'hawaï', 'kadéï', 'koweït', 'durrës', 'haïr', 'maïs', 'arbëreshë']) w;
select ts_lexize('finnish_stem', w), w from unnest(array['kambodžan', 'fidžin', 'fidži', 'ketšua', 'džurtšen', 'inguuši', 'voronežin', 'abcdefgåa']) w;
select ts_lexize('russian_stem', w), w from unnest(array['берётся', 'введённый', 'вдвоём']) w;
select ts_lexize('turkish_stem', w), w from unnest(array['ları', 'leri', 'lar']) w;
-- configurations
select to_tsvector('english', '345 qwe@efd.r '' http://www.com/ http://aew.werc.ewr/?ad=qwe&dw 1aew.werc.ewr/?ad=qwe&dw 2aew.werc.ewr http://3aew.werc.ewr/?ad=qwe&dw +4.0e-10 qwe qwe qwqwe 234.435 455 5.005 teodor@stack.net qwe-wer asdf <fr>qwer jf sdjk<we hjwer <werrwe> ewr1> ewri2 <a href="qwe<qwe>"> /usr/local/fff readline-4.2');
select to_tsvector('english', 'The quick brown foxes jumped over the lazy dogs'' backs; foxes are quick!'), to_tsvector('simple', 'The quick brown foxes'), to_tsvector('a fat  cat sat on a mat - it ate a fat rats'), to_tsvector('');
select to_tsvector('pg_catalog.german', 'Die Häuser der Städte und die Kinder'), to_tsvector('russian', 'Важнейшими из искусств are movies'), to_tsvector('french', 'les chevaux galopaient dans la prairie');
select to_tsvector('nix', 'a');
select to_tsvector('public.english', 'a');
select to_tsvector(null::regconfig, 'a'), to_tsvector('english', null);
select length(to_tsvector('simple', (select string_agg('w' || i, ' ') from generate_series(1, 20000) i))), to_tsvector('simple', (select string_agg('w' || i, ' ') from generate_series(1, 20000) i)) @@ 'w20000', left(to_tsvector('simple', repeat('x ', 400))::text, 30), length(to_tsvector('simple', repeat('x ', 400))::text);
select to_tsvector('simple', repeat('z', 3000) || ' ok');
select to_tsvector('english', '{"a": "The cats", "b": ["dogs ran", 5, true], "c": {"d": "fish"}}'::jsonb), to_tsvector('{"a": "The cats", "b": ["dogs ran", 5, true], "c": {"d": "fish"}}'::json), to_tsvector('english', '""'::jsonb), to_tsvector('simple', '{"b": "x y", "a": "z"}'::json);
select jsonb_to_tsvector('english', '{"a": "aaa in bbb ddd ccc", "b": 123, "c": 456.70, "d": true, "f": null}'::jsonb, '"all"'), jsonb_to_tsvector('english', '{"a": "aaa", "b": 123, "d": true}', '"key"'), jsonb_to_tsvector('simple', '{"a": "aaa", "b": 123, "d": false}', '["string", "numeric"]'), json_to_tsvector('simple', '{"b":  1.50, "a": [true, "x"]}', '["boolean","numeric","key"]'), json_to_tsvector('{"a": "the cats"}', '"string"');
select jsonb_to_tsvector('english', '{}', '""');
select jsonb_to_tsvector('english', '{}', '{}');
select jsonb_to_tsvector('english', '{}', 'null');
select jsonb_to_tsvector('english', '{}', '["all", null]');
select jsonb_to_tsvector('english', '{}', '[1]');
select jsonb_to_tsvector('english', '{}', '5');
select alias, description, token, dictionaries, dictionary, lexemes from ts_debug('english', 'a hey 123 Foo-bars http://x.org/y <b> &amp;');
select * from ts_debug('The cats');
select (ts_debug('simple', 'ab')).token;
-- the setting
show default_text_search_config;
select get_current_ts_config();
set default_text_search_config = simple;
show default_text_search_config;
select get_current_ts_config(), to_tsvector('The cats'), to_tsquery('cats'), 'The Cats' @@ 'cats', 'cats' @@ 'cat'::tsquery;
set default_text_search_config = 'pg_catalog.German';
show default_text_search_config;
set default_text_search_config = '"German"';
set default_text_search_config = 'nix';
set default_text_search_config = 'public.english';
reset default_text_search_config;
select 'The Cats' @@ 'cats', 'cats' @@ 'cat'::tsquery, 'cats ran' @@ 'run cat', 'a'::text @@ 'the';
select 'english'::regconfig, 3748::regconfig, 'pg_catalog.simple'::regconfig::oid, 'english_stem'::regdictionary, 'simple'::regdictionary::oid;
select 'nix'::regconfig;
select 'a.nix'::regconfig;
select 'nix'::regdictionary;
