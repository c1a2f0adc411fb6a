-- DO as migrations write it: what is there already is no error.
DO $$ BEGIN CREATE TYPE enum_users_role AS ENUM ('admin', 'user'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE TYPE enum_users_role AS ENUM ('admin', 'user'); EXCEPTION WHEN duplicate_object THEN null; END $$;
DO 'BEGIN CREATE TYPE "public"."enum_posts_state" AS ENUM(''draft'', ''live''); EXCEPTION WHEN duplicate_object THEN null; END';
DO 'BEGIN CREATE TYPE "public"."enum_posts_state" AS ENUM(''draft'', ''live''); EXCEPTION WHEN duplicate_object THEN null; END';
CREATE TABLE users (id serial PRIMARY KEY, role enum_users_role DEFAULT 'user', name text);
INSERT INTO users (name) VALUES ('a'), ('b');
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'age') THEN
    ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 7;
  END IF;
END
$$ LANGUAGE plpgsql;
DO LANGUAGE plpgsql $$
BEGIN
  IF NOT EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'age') THEN
    ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 7;
  END IF;
  ALTER TABLE users ADD CONSTRAINT users_age CHECK (age > 0);
EXCEPTION WHEN duplicate_object THEN RAISE NOTICE 'again: %', SQLERRM;
END $$;
DO $$ BEGIN
  ALTER TABLE users ADD CONSTRAINT users_age CHECK (age > 0);
EXCEPTION WHEN duplicate_object THEN RAISE NOTICE 'again: % %', SQLSTATE, SQLERRM;
END $$;
DO $$ BEGIN
  ALTER TABLE users ADD COLUMN age int;
EXCEPTION WHEN duplicate_column THEN RAISE NOTICE 'again: % %', SQLSTATE, SQLERRM;
END $$;
DO $$ BEGIN
  CREATE TABLE users (a int);
EXCEPTION WHEN duplicate_table THEN RAISE NOTICE 'again: % %', SQLSTATE, SQLERRM;
END $$;
DO $$ BEGIN
  CREATE UNIQUE INDEX users_name ON users (name);
  CREATE UNIQUE INDEX users_name ON users (name);
EXCEPTION WHEN duplicate_table THEN RAISE NOTICE 'again: % %', SQLSTATE, SQLERRM;
END $$;
SELECT count(*) FROM pg_indexes WHERE indexname = 'users_name';
DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT conname, conrelid::regclass AS rel FROM pg_constraint WHERE conrelid = 'users'::regclass AND contype = 'c' ORDER BY 1 LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', r.rel, r.conname);
    RAISE NOTICE 'dropped %', r.conname;
  END LOOP;
END $$;
DO $$ BEGIN
  EXECUTE 'CREATE TABLE made (id int PRIMARY KEY, v text)';
  INSERT INTO made VALUES (1, 'one');
  CREATE INDEX ON made (v);
  UPDATE made SET v = v || '!';
  ALTER TABLE made ADD COLUMN w int GENERATED ALWAYS AS (id * 2) STORED;
  PERFORM * FROM made WHERE w = 2;
  RAISE NOTICE 'found %', FOUND;
  ALTER TABLE made RENAME v TO vv;
  PERFORM vv FROM made;
  DROP TABLE made;
END $$;
SELECT to_regclass('made');
DO $$ BEGIN CREATE TABLE gone (a int); INSERT INTO gone VALUES (1); RAISE EXCEPTION 'all of it'; END $$;
SELECT to_regclass('gone');
BEGIN;
DO $$ BEGIN INSERT INTO users (name) VALUES ('a'); EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%: %', SQLSTATE, SQLERRM; END $$;
DO $$ BEGIN INSERT INTO users (name) VALUES ('c'); END $$;
SELECT name FROM users ORDER BY 1;
DO $$ BEGIN CREATE UNIQUE INDEX users_name ON users (name); END $$;
ROLLBACK;
DO $$ BEGIN PERFORM pg_catalog.setval('users_id_seq', 100); END $$;
INSERT INTO users (name) VALUES ('d') RETURNING id;
DO $$ DECLARE n int; BEGIN SELECT count(*) INTO n FROM users; IF n = 0 THEN RAISE EXCEPTION 'none'; ELSIF n > 2 THEN RAISE NOTICE 'many: %', n; END IF; END $$;
-- Its errors.
DO $$ BEGIN ALTER TABLE nix ADD COLUMN a int; END $$;
DO $$ BEGIN SELECT 1; END $$;
DO $$ BEGIN
  PERFORM 1;
  x := 1;
END $$;
DO $$ BEGIN PERFORM 1 END $$;
DO $$ BEGIN IF true THEN PERFORM 1; END; $$;
DO $$ DECLARE a int; a text; BEGIN END $$;
DO $$ BEGIN RETURN 1; END $$;
DO $$ BEGIN RETURN; RAISE NOTICE 'not here'; END $$;
DO $$ BEGIN SELEC 1; END $$;
DO $$ BEGIN UPDATE users SET nix = 1; END $$;
DO $$ BEGIN PERFORM nix FROM users; END $$;
DO LANGUAGE sql $$ SELECT 1 $$;
DO LANGUAGE nix $$ SELECT 1 $$;
DO LANGUAGE plpgsql;
DO $$ BEGIN END $$ $$ BEGIN END $$;
DO $a$ DECLARE x nix; BEGIN END $a$;
DO $a$ DECLARE x nix.nox%TYPE; BEGIN END $a$;
DO $a$ DECLARE x nix%ROWTYPE; BEGIN END $a$;
DO $a$ BEGIN EXIT; END $a$;
DO $a$ BEGIN LOOP EXIT nix; END LOOP; END $a$;
DO $a$ <<a>> BEGIN LOOP CONTINUE a; END LOOP; END $a$;
DO $a$ <<a>> BEGIN END b $a$;
DO $a$ BEGIN RAISE 'a %'; END $a$;
DO $a$ BEGIN RAISE 'a', 1; END $a$;
DO $a$ BEGIN RAISE nix_condition; END $a$;
DO $a$ BEGIN RAISE SQLSTATE '1'; END $a$;
DO $a$ BEGIN BEGIN EXCEPTION WHEN nix THEN NULL; END; END $a$;
DO $a$ DECLARE c CONSTANT int := 1; BEGIN c := 2; END $a$;
DO $a$ DECLARE c int NOT NULL; BEGIN END $a$;
DO $a$ DECLARE c int NOT NULL := NULL; BEGIN END $a$;
DO $a$ DECLARE c int NOT NULL := 1; BEGIN c := NULL; END $a$;
DO $a$ DECLARE c int; BEGIN c := 'x'; END $a$;
DO $a$ DECLARE c int := 'x'; BEGIN END $a$;
DO $a$ DECLARE c smallint; BEGIN c := 100000; END $a$;
DO $a$ DECLARE c varchar(3); BEGIN c := 'abc  '; c := 'abcd'; END $a$;
DO $a$ DECLARE c int; BEGIN c := 1 / 0; END $a$;
DO $a$ BEGIN IF 1 THEN NULL; END IF; END $a$;
DO $a$ BEGIN IF 'x' THEN NULL; END IF; END $a$;
DO $a$ BEGIN FOR i IN 1..NULL LOOP NULL; END LOOP; END $a$;
DO $a$ BEGIN FOR i IN 1..3 BY 0 LOOP NULL; END LOOP; END $a$;
DO $a$ BEGIN CASE 1 WHEN 2 THEN NULL; END CASE; END $a$;
DO $a$ BEGIN NULL; $a$;
DO $a$ BEGIN 'x'; END $a$;
DO $a$ BEGIN PERFORM 'x; END $a$;
DO $a$ BEGIN ASSERT 1 = 2; END $a$;
DO $a$ BEGIN ASSERT 1 = 2, 'one is ' || 'not two'; END $a$;
DO $a$ BEGIN ASSERT false; EXCEPTION WHEN OTHERS THEN RAISE NOTICE 'caught'; END $a$;
DO $a$ BEGIN ASSERT false; EXCEPTION WHEN assert_failure THEN RAISE NOTICE 'caught %', SQLERRM; END $a$;
