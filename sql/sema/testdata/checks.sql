a > 0
a > 0 and b <> 'x'
e = 'x'
e in ('a', 'b')
a in (1, 2, 3)
a between 1 and 5
not f
f is true
a is not null or f
c > 1.5
c > 5
c >= 0 and c <= 100::numeric(5,2)
length(b) > 3
upper(b) = b
b like 'a%'
b ~ '^[a-z]+$'
a = -5
a::text = '5'
d > '2024-01-01'
d < now()
case when f then a > 1 else a < 1 end
coalesce(a, 0) > 1
nullif(a, 1) is null
greatest(a, 1) < 10
h[1] > 0
g ->> 'a' = 'x'
g @> '{"a": 1}'
array_length(h, 1) > 0
a + 1 > a * 2 - 3
-a < 5
b is distinct from 'q'
b || 'x' = 'yx'
extract(year from d) > 2000
date_trunc('day', d) = d
position('a' in b) > 0
d at time zone 'UTC' > '2020-01-01'
left(b, 2) = 'ab'
a % 2 = 0
b::varchar(3) = 'x'
e::varchar(3) = 'x'
a::bigint > 5
(a, b) = (1, 'x')
b similar to 'a|b'
char_length(e) <= 5
a = any(h)
f = false
d > current_timestamp - interval '1 day'
