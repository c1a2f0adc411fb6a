-- The last digits are those of the C library.
select f, (select string_agg(v::text, ' ' order by g) from (select g, case f when 'power' then power(g * 0.37::float8, 1.7) when 'cbrt' then cbrt(g * 1.3::float8)
  when 'exp' then exp(g * 0.11::float8) when 'ln' then ln(g * 1.9::float8) when 'log' then log(g * 3.3::float8) when 'sin' then sin(g * 0.7::float8)
  when 'cos' then cos(g * 0.7::float8) when 'tan' then tan(g * 0.7::float8) when 'asin' then asin(g / 61::float8) when 'acos' then acos(g / 61::float8)
  when 'atan' then atan(g * 0.3::float8) when 'atan2' then atan2(g, 7::float8) when 'sinh' then sinh(g * 0.1::float8) when 'cosh' then cosh(g * 0.1::float8)
  when 'tanh' then tanh(g * 0.05::float8) when 'asinh' then asinh(g * 0.9::float8) when 'acosh' then acosh(1 + g * 0.9::float8) when 'atanh' then atanh(g / 61::float8)
  when 'sind' then sind(g * 5.3::float8) when 'cosd' then cosd(g * 5.3::float8) when 'tand' then tand(g * 5.3::float8) when 'atand' then atand(g * 0.3::float8)
  when 'cot' then cot(g * 0.7::float8) when 'asind' then asind(g / 61::float8) when 'acosd' then acosd(g / 61::float8) end as v from generate_series(1, 60) g) x) as vs
from unnest('{power,cbrt,exp,ln,log,sin,cos,tan,asin,acos,atan,atan2,sinh,cosh,tanh,asinh,acosh,atanh,sind,cosd,tand,atand,cot,asind,acosd}'::text[]) f;
select power(2::float8, 0.5), power(0::float8, 0), power('inf'::float8, -1), power(-8::float8, 3), exp('-inf'::float8), exp(-800::float8);
select exp(800::float8);
select power(10::float8, 400);
select ln(0::float8);
select sin('inf'::float8);
select asin(1.1::float8);
