package store

import (
	"context"
	"fmt"
	"strings"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/value"
)

// Limits on stored documents.
const (
	MaxDocumentSize  = 1 << 20
	MaxDocumentDepth = 16
	MaxWrites        = 16_000
)

// DocumentError is returned for a document or a read that the rules of the
// store refuse. Its text may be shown to clients.
type DocumentError struct{ Text string }

// Error returns the text.
func (e *DocumentError) Error() string { return e.Text }

// Writer is how mutations write.
type Writer interface {
	Reader

	// Insert adds a document and returns its id. _id and _creationTime in doc
	// are ignored.
	Insert(ctx context.Context, table string, doc value.Object) (string, error)
	// Patch sets some fields of a document; value.Undefined removes a field.
	Patch(ctx context.Context, table, id string, fields value.Object) error
	// Replace sets all fields of a document.
	Replace(ctx context.Context, table, id string, doc value.Object) error
	// Delete removes a document. Like Patch and Replace it fails when there is
	// none.
	Delete(ctx context.Context, table, id string) error
}

type writer struct {
	reader
	tx     Transaction
	writes int
}

// NewWriter returns a Writer on a transaction.
func NewWriter(st Store, tx Transaction) Writer {
	return &writer{reader: reader{store: st, snap: tx}, tx: tx}
}

func (w *writer) Insert(ctx context.Context, table string, doc value.Object) (string, error) {
	t, ok := w.store.Schema().Table(table)
	if !ok {
		return "", fmt.Errorf("insert document: no table %q", table)
	}
	number, ok := w.store.TableNumber(table)
	if !ok {
		return "", fmt.Errorf("insert document: table %q has no number", table)
	}
	full := make(value.Object, len(doc)+2)
	for k, v := range doc {
		if !value.IsUndefined(v) {
			full[k] = v
		}
	}
	id := value.NewID(number)
	full[schema.FieldID] = id
	full[schema.FieldCreationTime] = w.tx.CreationTime()
	return id, w.put(ctx, t, nil, full)
}

func (w *writer) Patch(ctx context.Context, table, id string, fields value.Object) error {
	t, before, err := w.existing(ctx, "patch", table, id)
	if err != nil {
		return err
	}
	after := make(value.Object, len(before)+len(fields))
	for k, v := range before {
		after[k] = v
	}
	for k, v := range fields {
		switch {
		case k == schema.FieldID || k == schema.FieldCreationTime:
		case value.IsUndefined(v):
			delete(after, k)
		default:
			after[k] = v
		}
	}
	return w.put(ctx, t, before, after)
}

func (w *writer) Replace(ctx context.Context, table, id string, doc value.Object) error {
	t, before, err := w.existing(ctx, "replace", table, id)
	if err != nil {
		return err
	}
	after := make(value.Object, len(doc)+2)
	for k, v := range doc {
		if !value.IsUndefined(v) {
			after[k] = v
		}
	}
	after[schema.FieldID] = before[schema.FieldID]
	after[schema.FieldCreationTime] = before[schema.FieldCreationTime]
	return w.put(ctx, t, before, after)
}

func (w *writer) Delete(ctx context.Context, table, id string) error {
	t, before, err := w.existing(ctx, "delete", table, id)
	if err != nil {
		return err
	}
	if err := w.tx.Remove(ctx, table, id); err != nil {
		return fmt.Errorf("delete %s %s: %w", table, id, err)
	}
	w.tx.Publish(writeKeys(t, before)...)
	return w.counted()
}

func (w *writer) existing(ctx context.Context, verb, table, id string) (schema.Table, value.Object, error) {
	t, ok := w.store.Schema().Table(table)
	if !ok {
		return t, nil, fmt.Errorf("%s document: no table %q", verb, table)
	}
	doc, err := w.tx.Get(ctx, table, id)
	if err != nil {
		return t, nil, fmt.Errorf("%s %s %s: %w", verb, table, id, err)
	}
	if doc == nil {
		return t, nil, &DocumentError{Text: fmt.Sprintf("%s on nonexistent document ID %s", capitalized(verb), id)}
	}
	return t, doc, nil
}

// put checks and writes a document, and publishes the keys before and after.
func (w *writer) put(ctx context.Context, t schema.Table, before, after value.Object) error {
	if err := checkDocument(t, after, w.store); err != nil {
		return err
	}
	if err := w.tx.Put(ctx, t.Name, after); err != nil {
		return fmt.Errorf("write %s: %w", t.Name, err)
	}
	if before != nil {
		w.tx.Publish(writeKeys(t, before)...)
	}
	w.tx.Publish(writeKeys(t, after)...)
	return w.counted()
}

func (w *writer) counted() error {
	w.writes++
	if w.writes > MaxWrites {
		return &DocumentError{Text: fmt.Sprintf("Too many writes in a single function execution (limit: %d)", MaxWrites)}
	}
	return nil
}

// checkDocument holds doc against the table's declaration and the limits.
func checkDocument(t schema.Table, doc value.Object, tables schema.Tables) error {
	user := make(value.Object, len(doc))
	for k, v := range doc {
		if k == schema.FieldID || k == schema.FieldCreationTime {
			continue
		}
		if !schema.IsIdentifier(k) {
			return &DocumentError{Text: fmt.Sprintf("Field name %q is invalid: the fields of a document are identifiers and do not start with '_'", k)}
		}
		user[k] = v
	}
	if err := t.Document.Check(user, tables); err != nil {
		return &DocumentError{Text: fmt.Sprintf("Failed to insert or update a document in table %q because it does not match the schema: %s", t.Name, err)}
	}
	if size := value.Size(doc); size > MaxDocumentSize {
		return &DocumentError{Text: fmt.Sprintf("Value is too large (%s > maximum size 1 MiB)", mebibytes(size))}
	}
	return checkContents(doc, 1)
}

// checkContents refuses names and depths that clients could not read back.
func checkContents(v value.Value, depth int) error {
	switch x := v.(type) {
	case value.Array:
		if err := checkDepth(depth); err != nil {
			return err
		}
		if len(x) > value.MaxArrayLen {
			return &DocumentError{Text: fmt.Sprintf("Array length is too long (%d > maximum length %d)", len(x), value.MaxArrayLen)}
		}
		for _, e := range x {
			if err := checkContents(e, depth+1); err != nil {
				return err
			}
		}
	case value.Object:
		if err := checkDepth(depth); err != nil {
			return err
		}
		if len(x) > value.MaxFields {
			return &DocumentError{Text: fmt.Sprintf("Object has too many fields (%d > maximum number %d)", len(x), value.MaxFields)}
		}
		for k, e := range x {
			if err := value.CheckFieldName(k); err != nil {
				return &DocumentError{Text: capitalized(err.Error())}
			}
			if err := checkContents(e, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkDepth(depth int) error {
	if depth > MaxDocumentDepth {
		return &DocumentError{Text: fmt.Sprintf("Document is too nested (maximum nesting %d)", MaxDocumentDepth)}
	}
	return nil
}

func mebibytes(n int) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func capitalized(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
