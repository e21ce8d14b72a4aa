package release

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"surgent.dev/surgent/deploy"
)

// Limits cap what Collect takes. Zero values mean the default beside each.
type Limits struct {
	Entries    int   // 20,000 files and folders
	FileBytes  int64 // 25 MiB a file
	TotalBytes int64 // 200 MiB in all
}

func (l Limits) withDefaults() Limits {
	if l.Entries == 0 {
		l.Entries = 20_000
	}
	if l.FileBytes == 0 {
		l.FileBytes = 25 << 20
	}
	if l.TotalBytes == 0 {
		l.TotalBytes = 200 << 20
	}
	return l
}

const (
	maxPathBytes    = 512
	maxSegmentBytes = 255
)

// PackCommand is a shell command that, run in a project's folder, writes what
// Collect wants to see as a tar file at out, which must need no quoting.
func PackCommand(out string) string {
	return `set --; for f in dist wrangler.jsonc wrangler.json wrangler.toml .wrangler/deploy/config.json; do ` +
		`[ -e "$f" ] && set -- "$@" "$f"; done; ` +
		`[ $# -gt 0 ] || { echo "There is neither a dist folder nor a wrangler.jsonc."; exit 1; }; ` +
		`tar -cf ` + out + ` -- "$@"`
}

// File is one collected file.
type File struct {
	Hash string
	Size int64 // bytes
}

// Collected is a tree of plain files whose contents are in Blobs. Paths are
// relative, clean and use "/".
type Collected struct {
	Files map[string]File
	Bytes int64 // of all files

	blobs *Blobs
}

// Collect reads a tar stream. It takes regular files and folders with sane
// names inside the caps and refuses the whole for anything else: a link or a
// device in a build's output is a mistake at best.
func Collect(ctx context.Context, r io.Reader, blobs *Blobs, limits Limits) (*Collected, error) {
	limits = limits.withDefaults()
	c := &Collected{Files: map[string]File{}, blobs: blobs}
	// Bounds what headers and padding can add to the contents.
	stream := &cappedReader{r: r, left: limits.TotalBytes + int64(limits.Entries)*4096 + 1<<20}
	archive := tar.NewReader(stream)
	spelled := map[string]string{}
	for entries := 0; ; {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("collect: %w", err)
		}
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, readError(stream, err)
		}
		if header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		if entries++; entries > limits.Entries {
			return nil, deploy.Refuse("the build made more than %d files", limits.Entries)
		}
		name, err := checkName(header)
		if err != nil {
			return nil, err
		}
		if err := checkSpelling(spelled, name); err != nil {
			return nil, err
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		if header.Size > limits.FileBytes {
			return nil, deploy.Refuse("%s is larger than %d MiB", name, limits.FileBytes>>20)
		}
		if c.Bytes += header.Size; c.Bytes > limits.TotalBytes {
			return nil, deploy.Refuse("the build is larger than %d MiB", limits.TotalBytes>>20)
		}
		hash, size, err := blobs.Put(archive)
		if err != nil {
			return nil, readError(stream, err)
		}
		if _, twice := c.Files[name]; twice {
			return nil, deploy.Refuse("%s came twice", name)
		}
		c.Files[name] = File{Hash: hash, Size: size}
	}
}

// checkName returns the clean name of an entry, "" for the root.
func checkName(header *tar.Header) (string, error) {
	name := strings.TrimSuffix(header.Name, "/")
	for strings.HasPrefix(name, "./") {
		name = name[2:]
	}
	if name == "." {
		name = ""
	}
	switch header.Typeflag {
	case tar.TypeReg, tar.TypeDir:
	case tar.TypeSymlink, tar.TypeLink:
		return "", deploy.Refuse("%q is a link; only plain files can be deployed", name)
	default:
		return "", deploy.Refuse("%q is no plain file", name)
	}
	if header.Typeflag == tar.TypeDir && name == "" {
		return "", nil
	}
	switch {
	case len(name) > maxPathBytes:
		return "", deploy.Refuse("the name %.60q… is longer than %d bytes", name, maxPathBytes)
	case !utf8.ValidString(name):
		return "", deploy.Refuse("the name %q is not UTF-8", name)
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || r == '\\' }):
		return "", deploy.Refuse("the name %q has a control character or a backslash in it", name)
	case name == "" || strings.HasPrefix(name, "/") || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../"):
		return "", deploy.Refuse("the name %q leads out of the build's folder", header.Name)
	}
	for segment := range strings.SplitSeq(name, "/") {
		if len(segment) > maxSegmentBytes {
			return "", deploy.Refuse("the name %.60q… is longer than %d bytes", segment, maxSegmentBytes)
		}
	}
	return name, nil
}

// checkSpelling refuses names that differ in case only, in any folder on the
// way: on some targets one of them would replace the other.
func checkSpelling(spelled map[string]string, name string) error {
	for at := name; at != "" && at != "."; at = path.Dir(at) {
		folded := strings.ToLower(at)
		if other, seen := spelled[folded]; !seen {
			spelled[folded] = at
		} else if other != at {
			return deploy.Refuse("the names %q and %q differ only in case", other, at)
		}
	}
	return nil
}

var errStreamTooLong = errors.New("stream too long")

func readError(stream *cappedReader, err error) error {
	if stream.left < 0 {
		return deploy.Refuse("the build is too large")
	}
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) {
		return deploy.Refuse("the build's archive is damaged: %v", err)
	}
	return fmt.Errorf("collect: %w", err)
}

// cappedReader fails, rather than ends, past its cap.
type cappedReader struct {
	r    io.Reader
	left int64
}

func (c *cappedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return n, errStreamTooLong
	}
	return n, err
}

// read returns a small collected file, false when there is none.
func (c *Collected) read(name string, maxBytes int64) ([]byte, bool, error) {
	file, ok := c.Files[name]
	if !ok {
		return nil, false, nil
	}
	if file.Size > maxBytes {
		return nil, false, deploy.Refuse("%s is larger than %d KiB", name, maxBytes>>10)
	}
	content, err := c.blobs.Read(file.Hash)
	return content, err == nil, err
}
