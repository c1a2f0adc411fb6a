-- regular expressions with look-around and back references, and which match is taken.
select 'foobar' ~ 'foo(?=bar)', 'foobaz' ~ 'foo(?=bar)', 'foobaz' ~ 'foo(?!bar)', 'foobar' ~ 'foo(?!bar)', 'foobar' ~ '(?<=foo)bar', 'fobar' ~ '(?<=foo)bar', 'fobar' ~ '(?<!foo)bar', 'foobar' ~ '(?<!foo)bar';
select regexp_replace('1234567', '(\d)(?=(\d{3})+$)', '\1,', 'g'), regexp_replace('price: 12 EUR, 15 USD', '\d+(?= USD)', 'x'), substring('a1b2' from '(?<=b)\d');
select regexp_matches('foo barfoo', '(?<![a-z])foo', 'g');
select regexp_matches('abab cdcd abcd', '(\w\w)\1', 'g');
select 'abcabc' ~ '^(...)\1$', 'abcabd' ~ '^(...)\1$', 'aAbB' ~* '^(.)\1(.)\2$', 'aAbB' ~ '^(.)\1(.)\2$';
select regexp_replace('the the cat sat sat', '\y(\w+)(\s+\1)+\y', '\1', 'g');
select regexp_replace('aabbccd', '(.)\1', '<\1>', 'g'), regexp_split_to_array('a1b22c', '(?<=\d)(?=[a-z])'), regexp_count('xaxbx', '(?<=x)[ab]'), regexp_instr('xaxbx', '(?<=x)b'), regexp_substr('xaxbx', '(?<=x)b.'), regexp_like('aa', '(a)\1');
select 'xyz' ~ '(?=x)(?=.y)..z', 'Passw0rd' ~ '^(?=.*[A-Z])(?=.*\d)[A-Za-z\d]{8,}$', 'password' ~ '^(?=.*[A-Z])(?=.*\d)[A-Za-z\d]{8,}$';
select regexp_match('xaax', '(a)(\1)'), regexp_match('aXbXc', '(?:X)(?=b)(b)'), regexp_match('abc', '(?=(b))b'), regexp_match('ab', '(a)|(b)\2');
select regexp_match('aaa', '(a)\1+?'), regexp_match('aaaa', '^(a+)\1$'), regexp_match('abab', '^(?:(ab)\1|x)$');
select 'a' ~ '\1(a)';
select 'a' ~ '(a)\2';
select 'a' ~ '(?=a';
select 'a' ~ '(a)\1[';
select 'a' ~ '(?=a)*b\1';
select 'x' ~ '(x)\1{3,2}';
select 'x' ~ '(?<=*)x';
select E'a\nb' ~ '(?<=^)b', E'a\nb' ~ '(?n)(?<=^)b', 'été' ~ '^(é)t\1$', 'ЖЖ' ~* '^(ж)\1$';
-- greedy expressions match as much as they can
select substring('foobar' from 'foo|foobar'), substring('abcd' from '(a|ab)(c|bcd)'), regexp_replace('foobar', 'foo|foobar', 'X'), regexp_match('xyz', 'x|xy|xyz'), regexp_match('aaa', 'a{1,2}'), regexp_matches('ababab', '(ab|abab)', 'g');
select substring('XY1234Z' from 'Y*([0-9]{1,3})'), regexp_match('abc', 'a.*?'), substring('<a><b>' from '<.*?>');
select regexp_split_to_array('a,b;;c', '[,;]|;;'), regexp_count('aaaa', 'a|aa');
