-- Greatest common divisors of numerics: what is not finite has none, and a long search can be stopped.
select a, b, gcd(a, b), gcd(a, -b), gcd(-b, a), lcm(a, b), lcm(-a, b)
from (values (0::numeric, 0::numeric), (0, 'NaN'), (0, 46375), (433125, 46375), (43312.5, 4637.5), (4331.250, 463.75000),
  ('inf', '0'), ('inf', '42'), ('inf', 'inf'), ('-inf', 'inf'), ('nan', 'nan'), ('42', '-inf')) as v(a, b) order by a, b;
select gcd(0, 0), lcm(0, 0), lcm(0, 5), gcd((-9223372036854775808)::numeric, -1);
