-- Full text search: generated columns, triggers, defaults, checks, expression indexes and views.
CREATE TABLE articles (
    id integer PRIMARY KEY,
    title text NOT NULL,
    body text,
    config regconfig DEFAULT 'english' NOT NULL,
    tsv tsvector GENERATED ALWAYS AS (setweight(to_tsvector('english', title), 'A') || to_tsvector('english'::regconfig, coalesce(body, ''))) STORED,
    words tsvector DEFAULT 'no:1 words:2A'::tsvector,
    watch tsquery DEFAULT to_tsquery('simple', 'cat & !dog'),
    CONSTRAINT watched CHECK (NOT (words @@ watch) OR numnode(watch) > 1)
);
CREATE UNIQUE INDEX articles_words ON articles (words, watch);
CREATE INDEX articles_title ON articles (strip(to_tsvector('simple', title)));
CREATE TRIGGER articles_words BEFORE INSERT OR UPDATE ON articles
    FOR EACH ROW WHEN (new.id > 1) EXECUTE FUNCTION tsvector_update_trigger_column('words', 'config', 'title', 'body');
INSERT INTO articles (id, title, body, config) VALUES
    (1, 'The fat cats', NULL, 'simple'),
    (2, 'Running rats', 'it''s a \backslash and a "quote": http://example.com/x?y', 'english'),
    (3, 'Schöne Häuser', 'naïve', 'german');
INSERT INTO articles (id, title, watch) VALUES (4, 'Weights', $$'it''s':A* <-> (b | !c:BD) & 'd\\e'$$);
CREATE TABLE notes (body text, tsv tsvector, dictionary regdictionary DEFAULT 'english_stem', lists tsvector[] DEFAULT '{a:1,"b c"}');
CREATE TRIGGER notes_tsv BEFORE INSERT OR UPDATE OF body ON notes FOR EACH ROW EXECUTE FUNCTION tsvector_update_trigger('tsv', 'pg_catalog.english', 'body');
INSERT INTO notes (body) VALUES ('the quick brown foxes'), (NULL);
CREATE VIEW found AS
    SELECT id, ts_rank(tsv, q) AS rank, ts_headline('english', title, q) AS headline, title @@ 'cat' AS direct, q && 'rat'::tsquery AS both
    FROM articles, plainto_tsquery('english', 'fat cat') q WHERE tsv @@ q OR tsv @@ to_tsquery('rat');
