package store

import (
	"context"
	"fmt"

	"surgent.dev/surgent/convex/value"
)

// Limits on what one run of a function may read.
const (
	MaxReadDocuments = 32_000
	MaxReadBytes     = 64 << 20
)

// Reader is how functions read. Its reads are recorded, so that a live query
// runs again when one of them may have changed.
type Reader interface {
	// Get returns a document with its system fields, or nil when there is none.
	Get(ctx context.Context, table, id string) (value.Object, error)
	// Scan returns the documents of a range in order.
	Scan(ctx context.Context, s Scan) ([]value.Object, error)
	// Paginate returns one page of a range.
	Paginate(ctx context.Context, s Scan, o PageOptions) (Page[value.Object], error)
}

// PageOptions is what usePaginatedQuery sends as paginationOpts.
type PageOptions struct {
	NumItems         float64  `json:"numItems"`
	Cursor           any      `json:"cursor"`              // string or null
	EndCursor        any      `json:"endCursor,omitempty"` // string or null
	ID               any      `json:"id,omitempty"`        // differs between mounted lists; ignored
	MaximumRowsRead  *float64 `json:"maximumRowsRead,omitempty"`
	MaximumBytesRead *float64 `json:"maximumBytesRead,omitempty"`
}

// Page is one page of a paginated query.
type Page[T any] struct {
	Page           []T     `json:"page"`
	IsDone         bool    `json:"isDone"`
	ContinueCursor string  `json:"continueCursor"`
	SplitCursor    any     `json:"splitCursor,omitempty"`
	PageStatus     *string `json:"pageStatus,omitempty"`
}

// Journal remembers where the pages of a run ended, so that a repeat of the
// run covers the same range: no gaps between pages and no overlaps.
type Journal struct {
	// Ends holds the end cursor of each page in the order the run asked.
	Ends []string `json:"ends"`
	next int
}

// reader implements Reader on a snapshot.
type reader struct {
	store   Store
	snap    Snapshot
	reads   *ReadSet
	journal *Journal

	documents, bytes int
}

// NewReader returns a Reader on a snapshot that adds the keys of its reads to
// reads. A journal may be nil; one with ends replays them.
func NewReader(st Store, snap Snapshot, reads *ReadSet, journal *Journal) Reader {
	return &reader{store: st, snap: snap, reads: reads, journal: journal}
}

func (r *reader) Get(ctx context.Context, table, id string) (value.Object, error) {
	if _, ok := r.store.Schema().Table(table); !ok {
		return nil, fmt.Errorf("get document: no table %q", table)
	}
	r.reads.Add(DocumentKey(table, id))
	doc, err := r.snap.Get(ctx, table, id)
	if err != nil {
		return nil, fmt.Errorf("get %s %s: %w", table, id, err)
	}
	if doc == nil {
		return nil, nil
	}
	return doc, r.count(doc)
}

func (r *reader) Scan(ctx context.Context, s Scan) ([]value.Object, error) {
	if _, err := s.Fields(r.store.Schema()); err != nil {
		return nil, err
	}
	r.reads.Add(s.Key())
	if room := MaxReadDocuments - r.documents + 1; s.Limit == 0 || s.Limit > room {
		s.Limit = room
	}
	docs, err := r.snap.Scan(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("scan %s.%s: %w", s.Table, s.Index, err)
	}
	return docs, r.count(docs...)
}

// count charges documents to the run's limits.
func (r *reader) count(docs ...value.Object) error {
	r.documents += len(docs)
	if r.documents > MaxReadDocuments {
		return &DocumentError{Text: fmt.Sprintf("Too many documents read in a single function execution (limit: %d)", MaxReadDocuments)}
	}
	for _, d := range docs {
		r.bytes += value.Size(d)
	}
	if r.bytes > MaxReadBytes {
		return &DocumentError{Text: fmt.Sprintf("Too many bytes read in a single function execution (limit: %d bytes)", MaxReadBytes)}
	}
	return nil
}

func (r *reader) Paginate(ctx context.Context, s Scan, o PageOptions) (Page[value.Object], error) {
	page := Page[value.Object]{Page: []value.Object{}}
	fields, err := s.Fields(r.store.Schema())
	if err != nil {
		return page, err
	}
	if c, ok := o.Cursor.(string); ok {
		if s.After, err = parseCursor(c, len(fields)); err != nil {
			return page, err
		}
		if s.After.End {
			return Page[value.Object]{Page: page.Page, IsDone: true, ContinueCursor: c}, nil
		}
	}
	end, _ := o.EndCursor.(string)
	if end == "" {
		end = r.journal.replay()
	}
	if end != "" {
		if s.Through, err = parseCursor(end, len(fields)); err != nil {
			return page, err
		}
		if s.Through.End {
			s.Through = nil
		}
		if page.Page, err = r.Scan(ctx, s); err != nil {
			return page, err
		}
		page.ContinueCursor, page.IsDone = end, s.Through == nil
	} else if page, err = r.firstRun(ctx, s, o, fields); err != nil {
		return page, err
	}
	page.split(o, fields)
	r.journal.note(page.ContinueCursor)
	return page, nil
}

// firstRun reads a page that has no end yet.
func (r *reader) firstRun(ctx context.Context, s Scan, o PageOptions, fields []string) (Page[value.Object], error) {
	n := max(1, min(int(o.NumItems), MaxReadDocuments-1))
	s.Limit = n + 1 // one more tells whether this is the last page
	docs, err := r.Scan(ctx, s)
	if err != nil {
		return Page[value.Object]{}, err
	}
	p := Page[value.Object]{Page: docs, IsDone: len(docs) <= n}
	if p.IsDone {
		p.ContinueCursor = (&Position{End: true}).Cursor()
		return p, nil
	}
	p.Page = docs[:n]
	p.ContinueCursor = positionOf(docs[n-1], fields).Cursor()
	return p, nil
}

// split offers a place to split a page that has grown to more than twice its
// size since its first run.
func (p *Page[T]) split(o PageOptions, fields []string) {
	docs, ok := any(p.Page).([]value.Object)
	if !ok || o.NumItems < 1 || len(docs) <= 2*int(o.NumItems) {
		return
	}
	p.SplitCursor = positionOf(docs[len(docs)/2-1], fields).Cursor()
	status := "SplitRecommended"
	p.PageStatus = &status
}

func (j *Journal) replay() string {
	if j == nil || j.next >= len(j.Ends) {
		return ""
	}
	return j.Ends[j.next]
}

func (j *Journal) note(end string) {
	if j == nil {
		return
	}
	j.Ends = append(j.Ends[:j.next], end)
	j.next++
}
