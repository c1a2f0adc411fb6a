// Package pgerr is the one error type that reaches a client: PostgreSQL's
// SQLSTATE, message, detail, hint and the object fields of the protocol's
// ErrorResponse and NoticeResponse.
//
// Make one with New and the setters, which return their receiver so that they
// chain:
//
//	pgerr.New(pgerr.UniqueViolation, "duplicate key value violates unique constraint %q", name).
//		WithDetail("Key (%s)=(%s) already exists.", cols, vals).
//		WithTable(schema, table).WithConstraint(name)
//
// The setters change the receiver: an Error that several goroutines share must
// not be given to them.
package pgerr

import (
	"errors"
	"fmt"
	"strings"
)

// Severities as the protocol spells them (untranslated).
const (
	SeverityError   = "ERROR"
	SeverityFatal   = "FATAL"
	SeverityPanic   = "PANIC"
	SeverityWarning = "WARNING"
	SeverityNotice  = "NOTICE"
	SeverityDebug   = "DEBUG"
	SeverityInfo    = "INFO"
	SeverityLog     = "LOG"
)

// Error is an error or a notice as PostgreSQL's protocol carries it. Empty
// strings and zero positions are fields that are not sent.
type Error struct {
	Severity string // one of the Severity constants; never empty
	Code     string // SQLSTATE, five characters; never empty
	Message  string
	Detail   string
	Hint     string

	Position         int    // 1-based, in characters, into the client's query; 0 none
	InternalPosition int    // 1-based, in characters, into InternalQuery; 0 none
	InternalQuery    string // a query that the server generated
	Where            string // PostgreSQL's CONTEXT
	traced           bool   // Where is complete; stays at the node whose session set it

	Schema     string
	Table      string
	Column     string
	DataType   string
	Constraint string
	Routine    string
}

// Error returns severity, message and SQLSTATE on one line.
func (e *Error) Error() string {
	return e.Severity + ": " + e.Message + " (SQLSTATE " + e.Code + ")"
}

// SQLState returns the five-character code (the interface that pgx's errors
// have too).
func (e *Error) SQLState() string { return e.Code }

// Is reports whether target is an *Error of the same SQLSTATE, so that
// errors.Is(err, &pgerr.Error{Code: pgerr.UniqueViolation}) works.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Message == "" || t.Message == e.Message)
}

// sprintf formats a message. PostgreSQL puts names between quotes as they are, so %q stands for "%s" here: nothing in a
// name is escaped.
func sprintf(format string, args []any) string {
	if len(args) == 0 {
		return format
	}
	if strings.Contains(format, "%q") {
		format = strings.ReplaceAll(format, "%q", `"%s"`)
	}
	return fmt.Sprintf(format, args...)
}

// New returns an error of severity ERROR. Without args the format is taken as
// it stands, percent signs included.
func New(code, format string, args ...any) *Error {
	return &Error{Severity: SeverityError, Code: code, Message: sprintf(format, args)}
}

// Fatal returns an error of severity FATAL: the connection ends with it.
func Fatal(code, format string, args ...any) *Error {
	return &Error{Severity: SeverityFatal, Code: code, Message: sprintf(format, args)}
}

// Notice returns a NOTICE with SQLSTATE 00000.
func Notice(format string, args ...any) *Error {
	return &Error{Severity: SeverityNotice, Code: SuccessfulCompletion, Message: sprintf(format, args)}
}

// NewWarning returns a WARNING with the given SQLSTATE.
func NewWarning(code, format string, args ...any) *Error {
	return &Error{Severity: SeverityWarning, Code: code, Message: sprintf(format, args)}
}

// NotSupported returns 0A000 naming the feature: "<feature> is not supported".
func NotSupported(feature string) *Error {
	return &Error{Severity: SeverityError, Code: FeatureNotSupported, Message: feature + " is not supported"}
}

// Internal returns XX000: a broken invariant, never a user's mistake.
func Internal(format string, args ...any) *Error {
	return New(InternalError, format, args...)
}

// From returns the *Error that err is or wraps; any other error becomes XX000
// with its text. From(nil) is nil. Callers translate context.Canceled and
// context.DeadlineExceeded themselves, because only they know what was
// cancelled and why.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Severity: SeverityError, Code: InternalError, Message: err.Error()}
}

// Code returns the SQLSTATE of err: "" for nil, XX000 for what is no *Error.
func Code(err error) string {
	if err == nil {
		return ""
	}
	return From(err).Code
}

// HasCode reports whether err is or wraps an *Error with this SQLSTATE.
func HasCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// Clone returns a copy that the setters may change.
func (e *Error) Clone() *Error {
	c := *e
	return &c
}

// WithSeverity sets the severity.
func (e *Error) WithSeverity(severity string) *Error { e.Severity = severity; return e }

// WithDetail sets the DETAIL line.
func (e *Error) WithDetail(format string, args ...any) *Error {
	e.Detail = sprintf(format, args)
	return e
}

// WithHint sets the HINT line.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = sprintf(format, args)
	return e
}

// EndWhere says that CONTEXT is complete: those through whom the error passes add nothing any more.
func (e *Error) EndWhere() *Error { e.traced = true; return e }

// WithWhere appends a line to CONTEXT, innermost first.
func (e *Error) WithWhere(format string, args ...any) *Error {
	if e.traced {
		return e
	}
	line := sprintf(format, args)
	if e.Where != "" {
		line = e.Where + "\n" + line
	}
	e.Where = line
	return e
}

// WithPosition sets the 1-based character position in the query; 0 clears it.
func (e *Error) WithPosition(position int) *Error { e.Position = position; return e }

// WithInternal sets the generated query and the 1-based position in it.
func (e *Error) WithInternal(query string, position int) *Error {
	e.InternalQuery, e.InternalPosition = query, position
	return e
}

// WithTable sets the schema and table fields.
func (e *Error) WithTable(schema, table string) *Error {
	e.Schema, e.Table = schema, table
	return e
}

// WithColumn sets the column field.
func (e *Error) WithColumn(column string) *Error { e.Column = column; return e }

// WithConstraint sets the constraint field.
func (e *Error) WithConstraint(constraint string) *Error { e.Constraint = constraint; return e }

// WithDataType sets the schema and data type fields.
func (e *Error) WithDataType(schema, name string) *Error {
	e.Schema, e.DataType = schema, name
	return e
}

// WithRoutine sets the name of the routine that raised the error.
func (e *Error) WithRoutine(routine string) *Error { e.Routine = routine; return e }
