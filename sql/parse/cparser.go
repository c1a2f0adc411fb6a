package parse

// The C parser is called here directly: raw_parser and the protobuf writer,
// which pg_query_parse_protobuf would call too. Three reasons to go past that
// function:
//
//   - It points the process's file descriptor 2 at a pipe for the time of each
//     parse. Two parses at a time put the pipes back in the wrong order and
//     leave the process with a closed standard error, and what anybody else
//     logs meanwhile is lost. (Nothing below ERROR is written there: the
//     grammar's warnings are under log_min_messages.)
//   - It keeps of an error only message and position. The SQLSTATE, detail and
//     hint are wanted as well.
//   - Eight system calls a parse.
//
// The symbols are in the objects that the import of pg_query links; they are
// declared weak so that this package's own cgo link step succeeds without
// them. The declarations below repeat those of the pinned version's headers,
// which cgo can't include from another module; TestErrorsMatchPgQuery compares
// the outcome with pg_query's own.

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct { size_t len; char *data; } PgQueryProtobuf;

typedef struct ErrorData {
	int elevel;
	bool output_to_server, output_to_client, hide_stmt, hide_ctx;
	const char *filename;
	int lineno;
	const char *funcname, *domain, *context_domain;
	int sqlerrcode;
	char *message, *detail, *detail_log, *hint, *context, *backtrace;
	const char *message_id;
	char *schema_name, *table_name, *column_name, *datatype_name, *constraint_name;
	int cursorpos, internalpos;
} ErrorData;

#define WEAK __attribute__((weak))
extern WEAK void *pg_query_enter_memory_context(void);
extern WEAK void pg_query_exit_memory_context(void *ctx);
extern WEAK void *raw_parser(const char *str, int mode);
extern WEAK PgQueryProtobuf pg_query_nodes_to_protobuf(const void *obj);
extern WEAK ErrorData *CopyErrorData(void);
extern WEAK void FlushErrorState(void);
extern WEAK __thread sigjmp_buf *PG_exception_stack;
extern WEAK __thread void *error_context_stack;
extern WEAK __thread void *CurrentMemoryContext;

typedef struct {
	char *data;
	size_t len;
	int failed, sqlerrcode, cursorpos;
	char *message, *detail, *hint;
} parse_result;

static char *dup_or_null(const char *s) { return s ? strdup(s) : NULL; }

// parse_raw parses sql, in a mode of raw_parser. The caller frees what is not NULL in out.
static void parse_raw(const char *sql, int mode, parse_result *out) {
	void *ctx = pg_query_enter_memory_context();
	void *parse_ctx = CurrentMemoryContext;
	sigjmp_buf *saved_exception = PG_exception_stack;
	void *saved_context = error_context_stack;
	sigjmp_buf env;
	if (sigsetjmp(env, 0) == 0) {
		PG_exception_stack = &env;
		void *tree = raw_parser(sql, mode);
		PgQueryProtobuf pb = pg_query_nodes_to_protobuf(tree);
		out->data = pb.data;
		out->len = pb.len;
	} else {
		CurrentMemoryContext = parse_ctx;
		ErrorData *e = CopyErrorData();
		out->failed = 1;
		out->sqlerrcode = e->sqlerrcode;
		out->cursorpos = e->cursorpos;
		out->message = dup_or_null(e->message);
		out->detail = dup_or_null(e->detail);
		out->hint = dup_or_null(e->hint);
		FlushErrorState();
	}
	PG_exception_stack = saved_exception;
	error_context_stack = saved_context;
	pg_query_exit_memory_context(ctx);
}

typedef struct { const char *sql; int mode; parse_result *out; } parse_job;

static void *parse_job_run(void *arg) {
	parse_job *job = arg;
	parse_raw(job->sql, job->mode, job->out);
	return NULL;
}

// parse_raw_deep is parse_raw on a thread with a stack of that size. It
// returns 0, or an errno where there is no thread to be had.
static int parse_raw_deep(const char *sql, int mode, parse_result *out, size_t stack_bytes) {
	pthread_attr_t attr;
	pthread_t thread;
	parse_job job = {sql, mode, out};
	int err = pthread_attr_init(&attr);
	if (err != 0) return err;
	err = pthread_attr_setstacksize(&attr, stack_bytes);
	if (err == 0) err = pthread_create(&thread, &attr, parse_job_run, &job);
	pthread_attr_destroy(&attr);
	if (err == 0) err = pthread_join(thread, NULL);
	return err;
}
*/
import "C"

import (
	"unsafe"

	pg "github.com/pganalyze/pg_query_go/v5"
	_ "github.com/pganalyze/pg_query_go/v5/parser" // links the C parser
	"google.golang.org/protobuf/proto"

	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// rawParse runs the C parser over sql, which holds no NUL byte, is valid UTF-8
// and has passed checkDepth with that depth. The stack of the calling thread
// is what the environment says (8 MB mostly); a deep text gets one of its own.
func rawParse(sql string, mode PLMode, depth int) (*pg.ParseResult, *pgerr.Error) {
	in := C.CString(sql)
	defer C.free(unsafe.Pointer(in))
	var out C.parse_result
	if depth <= shallowDepth {
		C.parse_raw(in, C.int(mode), &out)
	} else if rc := C.parse_raw_deep(in, C.int(mode), &out, deepStackBytes); rc != 0 {
		return nil, stackDepthExceeded()
	}
	if out.failed != 0 {
		return nil, cError(&out)
	}
	defer C.free(unsafe.Pointer(out.data))
	tree := &pg.ParseResult{}
	// The bytes are only read during Unmarshal, which copies strings out.
	opts := proto.UnmarshalOptions{RecursionLimit: 1 << 30}
	var data []byte
	if out.len > 0 {
		data = unsafe.Slice((*byte)(unsafe.Pointer(out.data)), int(out.len))
	}
	if err := opts.Unmarshal(data, tree); err != nil {
		return nil, pgerr.Internal("parse tree: %v", err)
	}
	return tree, nil
}

// cError makes an error of the C parser's and frees its strings. The C
// parser's position already counts characters.
func cError(out *C.parse_result) *pgerr.Error {
	take := func(s *C.char) string {
		if s == nil {
			return ""
		}
		defer C.free(unsafe.Pointer(s))
		return C.GoString(s)
	}
	message, detail, hint := take(out.message), take(out.detail), take(out.hint)
	// SQLSTATE is five characters of six bits each.
	var code [5]byte
	packed := uint32(out.sqlerrcode)
	for i := range code {
		code[i] = byte(packed&0x3f) + '0'
		packed >>= 6
	}
	err := pgerr.New(string(code[:]), "%s", message).WithPosition(int(out.cursorpos))
	err.Detail, err.Hint = detail, hint
	return err
}
