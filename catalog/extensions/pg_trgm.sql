-- Functions of pg_trgm, for CREATE EXTENSION: what each runs is in package expr, and so are the operators.
CREATE FUNCTION set_limit(real) RETURNS real LANGUAGE c STRICT PARALLEL UNSAFE AS '$libdir/pg_trgm', 'set_limit';
CREATE FUNCTION show_limit() RETURNS real LANGUAGE c STABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'show_limit';
CREATE FUNCTION show_trgm(text) RETURNS text[] LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'show_trgm';
CREATE FUNCTION similarity(text, text) RETURNS real LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'similarity';
CREATE FUNCTION similarity_op(text, text) RETURNS boolean LANGUAGE c STABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'similarity_op';
CREATE FUNCTION word_similarity(text, text) RETURNS real LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'word_similarity';
CREATE FUNCTION word_similarity_op(text, text) RETURNS boolean LANGUAGE c STABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'word_similarity_op';
CREATE FUNCTION word_similarity_commutator_op(text, text) RETURNS boolean LANGUAGE c STABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'word_similarity_commutator_op';
CREATE FUNCTION similarity_dist(text, text) RETURNS real LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'similarity_dist';
CREATE FUNCTION word_similarity_dist_op(text, text) RETURNS real LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'word_similarity_dist_op';
CREATE FUNCTION word_similarity_dist_commutator_op(text, text) RETURNS real LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'word_similarity_dist_commutator_op';
CREATE FUNCTION strict_word_similarity(text, text) RETURNS real LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'strict_word_similarity';
CREATE FUNCTION strict_word_similarity_op(text, text) RETURNS boolean LANGUAGE c STABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'strict_word_similarity_op';
CREATE FUNCTION strict_word_similarity_commutator_op(text, text) RETURNS boolean LANGUAGE c STABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'strict_word_similarity_commutator_op';
CREATE FUNCTION strict_word_similarity_dist_op(text, text) RETURNS real LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'strict_word_similarity_dist_op';
CREATE FUNCTION strict_word_similarity_dist_commutator_op(text, text) RETURNS real LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS '$libdir/pg_trgm', 'strict_word_similarity_dist_commutator_op';
