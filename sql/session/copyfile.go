package session

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pgmqdb/pgmqdb/sql/parse"
	"github.com/pgmqdb/pgmqdb/sql/pgerr"
)

// copyChunk is how much of a server file is read at a time.
const copyChunk = 64 << 10

// copySource is where COPY FROM gets its data: the client, or a file of the node.
type copySource interface {
	// read returns a chunk that is valid until the next call; io.EOF at the end.
	read() ([]byte, error)
	close()
}

// copySink is where COPY TO puts its data, a row at a time.
type copySink interface {
	write(row []byte) error
	// close ends the data; abandon gives it up.
	close() error
	abandon()
}

type clientSource struct{ c Client }

func (s clientSource) read() ([]byte, error) { return s.c.ReadCopyData() }
func (clientSource) close()                  {}

type clientSink struct{ c Client }

func (s clientSink) write(row []byte) error { return s.c.WriteCopyData(row) }
func (s clientSink) close() error           { s.c.CopyDone(); return nil }
func (clientSink) abandon()                 {}

type fileSource struct {
	f   *os.File
	buf []byte
}

func (s *fileSource) read() ([]byte, error) {
	n, err := s.f.Read(s.buf)
	if n > 0 {
		return s.buf[:n], nil
	}
	if err != io.EOF {
		err = errFile(err, "could not read from COPY file: %s")
	}
	return nil, err
}

func (s *fileSource) close() { _ = s.f.Close() }

type fileSink struct {
	f *os.File
	w *bufio.Writer
}

func (s *fileSink) write(row []byte) error {
	if _, err := s.w.Write(row); err != nil {
		return errFile(err, "could not write to COPY file: %s")
	}
	return nil
}

func (s *fileSink) close() error {
	err := s.w.Flush()
	if err == nil {
		err = s.f.Close()
	}
	if err != nil {
		s.abandon()
		return errFile(err, "could not write to COPY file: %s")
	}
	return nil
}

func (s *fileSink) abandon() { _ = s.f.Close() }

// openSource opens what COPY FROM reads.
func (s *Session) openSource(u *parse.CopyStmt, columns int, binary bool) (copySource, error) {
	if u.Filename == "" {
		return clientSource{s.client}, s.client.CopyInResponse(columns, binary)
	}
	f, err := os.Open(u.Filename)
	if err != nil {
		return nil, errOpen(err, "could not open file \""+u.Filename+"\" for reading: ",
			"COPY FROM instructs the PostgreSQL server process to read a file.")
	}
	if err := notDirectory(f, u.Filename); err != nil {
		return nil, err
	}
	return &fileSource{f: f, buf: make([]byte, copyChunk)}, nil
}

// openSink opens what COPY TO writes.
func (s *Session) openSink(u *parse.CopyStmt, columns int, binary bool) (copySink, error) {
	if u.Filename == "" {
		s.client.CopyOutResponse(columns, binary)
		return clientSink{s.client}, nil
	}
	if !filepath.IsAbs(u.Filename) {
		return nil, pgerr.New(pgerr.InvalidName, "relative path not allowed for COPY to file")
	}
	f, err := os.OpenFile(u.Filename, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, errOpen(err, "could not open file \""+u.Filename+"\" for writing: ",
			"COPY TO instructs the PostgreSQL server process to write a file.")
	}
	if err := notDirectory(f, u.Filename); err != nil {
		return nil, err
	}
	return &fileSink{f: f, w: bufio.NewWriterSize(f, copyChunk)}, nil
}

func notDirectory(f *os.File, name string) error {
	st, err := f.Stat()
	if err == nil && !st.IsDir() {
		return nil
	}
	_ = f.Close()
	if err != nil {
		return errFile(err, "could not stat file \""+strings.ReplaceAll(name, "%", "%%")+"\": %s")
	}
	return pgerr.New(pgerr.WrongObjectType, "\"%s\" is a directory", name)
}

// errOpen is the error for a file that does not open, with the hint that the file would be the server's.
func errOpen(err error, what, hint string) error {
	e := errFile(err, strings.ReplaceAll(what, "%", "%%")+"%s")
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EACCES) {
		return e.WithHint("%s You may want a client-side facility such as psql's \\copy.", hint)
	}
	return e
}

// errFile is errcode_for_file_access; format has a place for the system's words.
func errFile(err error, format string) *pgerr.Error {
	var no syscall.Errno
	code, text := pgerr.InternalError, err.Error()
	if errors.As(err, &no) {
		text = no.Error()
		text = strings.ToUpper(text[:1]) + text[1:]
		switch no {
		case syscall.EPERM, syscall.EACCES, syscall.EROFS:
			code = pgerr.InsufficientPrivilege
		case syscall.ENOENT:
			code = pgerr.UndefinedFile
		case syscall.EEXIST:
			code = pgerr.DuplicateFile
		case syscall.ENOTDIR, syscall.EISDIR, syscall.ENOTEMPTY:
			code = pgerr.WrongObjectType
		case syscall.ENOSPC:
			code = pgerr.DiskFull
		case syscall.EMFILE, syscall.ENFILE:
			code = pgerr.InsufficientResources
		case syscall.EIO:
			code = pgerr.IoError
		}
	}
	return pgerr.New(code, format, text)
}
