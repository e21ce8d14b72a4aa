package agent

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A difference against a small file may say that the result is of any size.
func TestAPackDoesNotFillTheMemory(t *testing.T) {
	t.Parallel()
	squeeze := func(b []byte) []byte {
		var out bytes.Buffer
		w := zlib.NewWriter(&out)
		_, _ = w.Write(b) // into memory
		_ = w.Close()
		return out.Bytes()
	}
	base := []byte("small\n")
	name := sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(base), base))
	// The sizes of base and result, and nothing of what the result is made of.
	delta := binary.AppendUvarint(binary.AppendUvarint(nil, uint64(len(base))), 3<<30)
	pack := []byte("PACK\x00\x00\x00\x02\x00\x00\x00\x02")
	pack = append(pack, byte(3<<4|len(base)))
	pack = append(pack, squeeze(base)...)
	pack = append(pack, byte(7<<4|len(delta)))
	pack = append(append(pack, name[:]...), squeeze(delta)...)
	sum := sha1.Sum(pack)
	pack = append(pack, sum[:]...)
	bundle := filepath.Join(t.TempDir(), "bundle")
	if err := os.WriteFile(bundle, append([]byte("# v2 git bundle\n\n"), pack...), 0o600); err != nil {
		t.Fatal(err)
	}
	s := NewRepos(t.TempDir())
	repo, err := s.path("abc")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ensure(t.Context(), repo); err != nil {
		t.Fatal(err)
	}
	if err := s.unbundle(t.Context(), repo, bundle); err == nil || !strings.Contains(err.Error(), "ut of memory") {
		t.Errorf("a result of 3 GiB: %v", err)
	}
}
