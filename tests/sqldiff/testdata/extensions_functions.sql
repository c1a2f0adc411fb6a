-- functions of the extensions pgcrypto, uuid-ossp and fuzzystrmatch
create extension "uuid-ossp"; create extension pgcrypto; create extension fuzzystrmatch;
\set VERBOSITY default
select digest('a','foo'); select hmac('a','k','foo'); select gen_salt('foo'); select gen_salt('bf',40); select gen_salt('md5',3), length(gen_salt('md5'));
select crypt('a','x'); select crypt('a','$2a$06$abc'); select crypt('a', '$1$abcdefgh'), crypt('pass', '$1$'); select crypt('pässword', '$2a$04$abcdefghijklmnopqrstuu'), crypt('', '$2a$04$abcdefghijklmnopqrstuz');
select gen_random_bytes(0); select gen_random_bytes(1025); select length(gen_random_bytes(16)), length(gen_salt('bf')), gen_salt('bf',8) like '$2a$08$%';

select encrypt('data','key','aes'), encrypt('data','0123456789abcdef','aes-cbc/pad:pkcs'), encrypt('data567890123456','key','aes-ecb/pad:none'), encrypt('data','a very long key of 25 byte','aes');
select encrypt('data','key','aes-cbc/pad:none'); select encrypt('data','key','foo'); select encrypt('d','k','aes-xyz'); select encrypt('d','k','aes/pad:foo'); select encrypt('d', repeat('k',40)::bytea,'aes');
select convert_from(decrypt(encrypt('data','key','aes'),'key','aes'),'utf8'); select decrypt('\x0011','key','aes'); select decrypt(encrypt('data','key','aes'),'kez','aes'); select encrypt_iv('data','key','0123456789','aes'); select decrypt_iv(encrypt_iv('data','key','0123456789','aes'),'key','0123456789','aes');
select encrypt('data','key','3des'); select encrypt('data','key','des');select encrypt('data','key','bf');select encrypt('data','key','cast5');
select digest('abc','MD5'), digest('abc'::bytea,'sha1'), digest('abc','sha224'), digest('abc','sha256'); select digest('abc','sha3-256'); 
select hmac('data','key','sha256'), hmac('data'::bytea, repeat('k',200)::bytea,'md5');
select uuid_nil(), uuid_ns_dns(), uuid_ns_url(), uuid_ns_oid(), uuid_ns_x500(), uuid_generate_v3(uuid_ns_url(),'http://www.postgresql.org'), uuid_generate_v5(uuid_ns_dns(),'pä');
select levenshtein('GUMBO','GAMBOL'), levenshtein('äb','b'), levenshtein('GUMBO','GAMBOL',2,1,1), levenshtein_less_equal('extensive','exhaustive',2), levenshtein_less_equal('extensive','exhaustive',4), levenshtein_less_equal('a','bcdefg',1,2,3,3), levenshtein('','abc'), levenshtein_less_equal('abc','abc',-1), levenshtein_less_equal('abc','xyz',0),levenshtein('abc','xyz',0,0,5);
select levenshtein(repeat('a',256),'b'); select levenshtein_less_equal(repeat('a',256),'b',1);
select soundex('hello world!'), soundex('Anne'), soundex('Ann'), soundex('Andrew'), soundex('Margaret'), soundex(''), soundex('123'), soundex('Tymczak'), soundex('Pfister'), soundex('Honeyman'), soundex('  a-b'), soundex('ämne'), difference('Anne','Ann'), difference('Anne','Andrew'), difference('Anne','Margaret'), difference('',''), text_soundex('Robert'), difference('abc','123');
drop extension "uuid-ossp", pgcrypto, fuzzystrmatch cascade;
