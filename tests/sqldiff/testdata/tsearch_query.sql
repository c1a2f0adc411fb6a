-- Queries made of texts.
select to_tsquery('english', 'The & Fat & Rats'), to_tsquery('simple', 'The & Fat'), to_tsquery('english', 'Fat | Rats:AB'), to_tsquery('supern:*A & star:A*B'), to_tsquery('english', '''supernovae stars'' & !crab'), to_tsquery('!a');
select to_tsquery('english', 'a & the'), to_tsquery('english', '!the'), to_tsquery('english', 'the <-> cat'), to_tsquery('english', 'cat <-> the <-> dog'), to_tsquery('english', '(cat <-> the) <-> dog'), to_tsquery('english', 'cat <-> (the <-> dog)');
select to_tsquery('english', 'the'), to_tsquery('');
select to_tsquery('english', '''''''');
select to_tsquery('english', '''the cat in the hat'''), to_tsquery('english', 'foo-bars'), to_tsquery('english', '''http://www.x.org/y'''), to_tsquery('english', 'foo-bars:B*');
select to_tsquery('english', 'http://www.x.org/y');
select to_tsquery('english', '((cat <-> the) | the) <-> dog'), to_tsquery('english', 'w <-> (((a <-> x) <2> (y <3> a)) <-> z)'), to_tsquery('english', 'cat <2> (the <-> a) <-> dog'), to_tsquery('english', 'x <-> ((a <-> y) | z)');
select to_tsquery('a b');
select to_tsquery('a &');
select to_tsquery('english', 'a & :b');
select to_tsquery(repeat('x', 2047));
select plainto_tsquery('english', 'The Fat Rats & cats'), plainto_tsquery('the and of'), plainto_tsquery(''), plainto_tsquery('simple', 'a:b & c|d !e'), plainto_tsquery('english', 'foo-bars 12.5');
select phraseto_tsquery('english', 'The Fat Rats'), phraseto_tsquery('the cat and the very fat rat'), phraseto_tsquery('english', 'cats of the world'), phraseto_tsquery('simple', 'The Fat'), phraseto_tsquery('the'), phraseto_tsquery('english', 'foo-bars are here');
select q, websearch_to_tsquery('english', q) from unnest(array['The fat rats', '"supernovae stars" -crab', '"sad cat" or "fat rat"', 'signal -"segmentation fault"', '""" )( dummy \\ query <->', 'cat or', 'or cat', 'cat OR dog', 'cat or-dog', 'cat orange', 'cat or "', '"the"', '-', '- cat', '-cat -dog',
  'a or b or c', 'fat:A cat:*', 'this is ----fine', '(()) )))) this ||| is && -fine, "dear friend" OR good', 'an old <-> cat " is fine &&& too', '"A the" OR just on', 'cat -"fat rat" cheese', 'abc orë', 'or', 'OR OR', 'cat "(fat rat))"', '!cat', 'foo-bar', '"foo-bar baz', 'abc''def', E'x\ty', '']) q;
select websearch_to_tsquery('simple', 'The cat or "fat rats" -dog'), websearch_to_tsquery('simple', 'foo-bars');
select websearch_to_tsquery('english', null);
-- stripped documents and phrases
select to_tsvector('english', 'fat cats ate fat rats') @@ to_tsquery('english', 'fat <-> (cat | rat)'), to_tsvector('english', 'fat cats ate fat rats') @@ phraseto_tsquery('english', 'ate the rats'), strip(to_tsvector('simple', 'a b')) @@ phraseto_tsquery('simple', 'a b'), to_tsvector('simple', 'a b c d') @@ to_tsquery('simple', 'a <-> b <-> !d'), to_tsvector('english', 'cat and the dog') @@ phraseto_tsquery('english', 'cat and the dog');
-- what is constant is folded, what depends on a setting is not
prepare ts(text) as select to_tsvector($1) @@ to_tsquery('english', 'cat'), to_tsvector($1);
execute ts('the cats');
set default_text_search_config = 'simple';
execute ts('the cats');
reset default_text_search_config;
prepare tq(tsquery, tsvector) as select $2 @@ $1, $1, $2;
execute tq('a & b', 'a:1 b:2');
execute tq('', 'a');
execute tq('a &', 'a');
