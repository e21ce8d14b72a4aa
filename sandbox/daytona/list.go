package daytona

import (
	"bytes"
	"encoding/json"

	"surgent.dev/surgent/sandbox"
)

// list is a list in a toolbox's answer, cut off after sandbox.MaxEntries: what
// answers may be hostile, and two bytes that say {} become a struct of many.
type list[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (l *list[T]) UnmarshalJSON(text []byte) error {
	*l = nil
	if bytes.Equal(text, []byte("null")) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		// No list: the standard decoder knows what to say of that.
		return json.Unmarshal(text, (*[]T)(l))
	}
	*l = list[T]{}
	for dec.More() && len(*l) < sandbox.MaxEntries {
		var v T
		if err := dec.Decode(&v); err != nil {
			return err
		}
		*l = append(*l, v)
	}
	return nil
}
