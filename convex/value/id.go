package value

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
)

// idEncoding is lowercase Crockford base32 without padding.
var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ErrBadID is returned for a string that is no document id at all.
var ErrBadID = errors.New("not a document id")

const (
	idRandom   = 16
	idChecksum = 2
	idMinLen   = 31
	idMaxLen   = 37
)

// NewID returns a fresh random id for a document of the table with this
// number, which must be at least 1.
func NewID(table uint32) ID {
	b := binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen32+idRandom+idChecksum), uint64(table))
	n := len(b)
	b = b[:n+idRandom]
	// crypto/rand.Read never fails on the systems that Go supports.
	_, _ = rand.Read(b[n:])
	return idEncoding.EncodeToString(binary.LittleEndian.AppendUint16(b, fletcher16(b)))
}

// IDTable returns the table number inside id. Any other string than one that
// NewID could have returned gives ErrBadID, so that typing errors and
// stretched ids are noticed without a read.
func IDTable(id ID) (uint32, error) {
	if len(id) < idMinLen || len(id) > idMaxLen {
		return 0, ErrBadID
	}
	b, err := idEncoding.DecodeString(id)
	if err != nil || idEncoding.EncodeToString(b) != id {
		return 0, ErrBadID
	}
	table, n := binary.Uvarint(b)
	if n <= 0 || table == 0 || table > 1<<32-1 || len(b) != n+idRandom+idChecksum {
		return 0, ErrBadID
	}
	if n != len(binary.AppendUvarint(nil, table)) {
		return 0, ErrBadID
	}
	body := b[:len(b)-idChecksum]
	if binary.LittleEndian.Uint16(b[len(body):]) != fletcher16(body) {
		return 0, ErrBadID
	}
	return uint32(table), nil
}

// fletcher16 is the checksum with modulus 256, its first sum in the low byte.
func fletcher16(b []byte) uint16 {
	var c0, c1 byte
	for _, x := range b {
		c0 += x
		c1 += c0
	}
	return uint16(c1)<<8 | uint16(c0)
}
