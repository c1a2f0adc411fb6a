-- Ranking and headlines.
select q, ts_rank(v, q), ts_rank_cd(v, q), ts_rank('{0.1,0.3,0.5,0.9}', v, q), ts_rank_cd('{0.1,0.3,0.5,0.9}', v, q) from (values ('a:1,5 b:2A,7 c:3B d:9,10,11C e'::tsvector)) t(v), (values ('a'::tsquery), ('a & b'), ('a | b'), ('a | x'), ('a & x'), ('!a'), ('b:A'), ('a <-> b'), ('a <2> c'), ('d:*'), ('a & !b'), ('e'), ('e & a'), ('a & b & c & d'), ('(a | b) & d'), ('a & a'), ('')) u(q);
select n, ts_rank(v, q, n), ts_rank_cd(v, q, n) from (values (to_tsvector('english', 'Erosion It took the sea a thousand years, A thousand years to trace The granite features of this cliff, In crag and scarp and base.'))) t(v), (values ('thousand & year'::tsquery)) u(q), unnest(array[0,1,2,4,8,16,32,63,3,12]) n;
select ts_rank(to_tsvector('simple', (select string_agg('w' || i % 50, ' ') from generate_series(1, 3000) i)), to_tsquery('simple', 'w1 & w7 | w9')), ts_rank_cd(to_tsvector('simple', (select string_agg('w' || i % 50, ' ') from generate_series(1, 300) i)), to_tsquery('simple', 'w1 & w7'));
select ts_rank('{1,1}', 'a:1', 'a');
select ts_rank('{{1,1,1,1}}', 'a:1', 'a');
select ts_rank('{1,1,1,null}', 'a:1', 'a');
select ts_rank('{1,1,1,2}', 'a:1', 'a');
select ts_rank_cd('{1,1,1,2}', 'a:1', 'a');
select ts_rank('{-1,-1,-1,-1}', 'a:1A', 'a'), ts_rank(' a:1 s:2C d g'::tsvector, 'a | s'), ts_rank_cd(' a:1 sa:2A sb:2D g'::tsvector, 'a | s:*'), ts_rank_cd(strip(' a:1 s:2C'::tsvector), 'a & s'), ts_rank_cd('a:1 s:2A d g', 'a <-> s'), ts_rank_cd('a:1 s:2A d:2A g'::tsvector, 'a <-> s:A & d'), ts_rank('', 'a'), ts_rank_cd('', 'a');
-- headlines
select ts_headline('english', '
Day after day, day after day,
  We stuck, nor breath nor motion,
As idle as a painted Ship
  Upon a painted Ocean.
Water, water, every where
  And all the boards did shrink;
Water, water, every where,
  Nor any drop to drink.
S. T. Coleridge (1772-1834)
', to_tsquery('english', q)) from unnest(array['painted & Ocean', 'day & drink', 'painted', 'nix', 'water <-> water', 'painted <-> Ship', 'Coleridge & day', 'idle & as & painted', 'breath:*', '!day', 'water | !day']) q;
select ts_headline('english', t, to_tsquery('english', 'ocean | sea | 1'), o) from (values ('1 2 3 1 3 The <b>sea</b> is blue, and foo-bar.com/x is here; the Ocean is wide-open &amp; deep. <script>x</script> A sea of words goes on and on until the sea ends, and then some more words follow so that it is long enough for the sea of ocean.')) u(t),
  unnest(array['', 'MaxWords=10, MinWords=5', 'MaxFragments=2, MaxWords=8, MinWords=3', 'MaxFragments=3, MaxWords=6, MinWords=2, FragmentDelimiter=" *** "', 'HighlightAll=true', 'HighlightAll=1, StartSel=>, StopSel=<', 'StartSel = "<<", StopSel = ''>>''', 'ShortWord=0, MinWords=2, MaxWords=4', 'maxwords=5,minwords=1', 'MaxFragments=1, MaxWords=100', 'StartSel=''it''''s '', StopSel=E''\\\\x''', 'MaxFragments=4, HighlightAll=yes']) o;
select ts_headline('a b', 'a', 'MaxWords=1, MinWords=2');
select ts_headline('a b', 'a', 'MinWords=0');
select ts_headline('a b', 'a', 'ShortWord=-1');
select ts_headline('a b', 'a', 'MaxFragments=-1');
select ts_headline('a b', 'a', 'Nix=1');
select ts_headline('a b', 'a', 'MaxWords=x');
select ts_headline('a b', 'a', 'MaxWords');
select ts_headline('a b', 'a', 'MaxWords=');
select ts_headline('a b', 'a', 'StartSel=''x');
select ts_headline('', 'a'), ts_headline('the foxes', to_tsquery('fox')), ts_headline('simple', 'the foxes', 'fox'), ts_headline('x y', '');
select ts_headline('english', '{"a": "The cats", "b": ["dogs & cats", 5, true, null], "c": {"cats": "fish"}}'::jsonb, 'cat'), ts_headline('{"b": "The  cats",
  "a": ["dogs", 5.50, true, null], "cats": "x"}'::json, 'cat', 'StartSel=<, StopSel=>'), ts_headline('[]'::json, 'cat'), ts_headline('"cats"'::jsonb, 'cat');
select ts_headline('simple', '1 2 3 1 3'::text, '1 <-> 3', 'MaxWords=2, MinWords=1'), ts_headline('simple', '1 2 3 1 3'::text, '1 & 3', 'MaxWords=4, MinWords=1'), ts_headline('simple', '1 2 3 1 3'::text, '1 <-> 3', 'MaxWords=4, MinWords=1');
