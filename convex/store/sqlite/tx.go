package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/value"
)

// Tx is a transaction of this store. It implements store.Transaction.
type Tx struct {
	snapshot
	tx     *sql.Tx
	commit store.Timestamp // the timestamp that the commit will have
	wrote  bool
	keys   map[store.Key]struct{}
	hooks  []func(store.Timestamp)
	missed []string // statements that were not prepared yet
}

var _ store.Transaction = (*Tx)(nil)

// SQL returns the database transaction, for a job queue in the same database.
// The caller must not end it.
func (t *Tx) SQL() *sql.Tx {
	t.wrote = true
	return t.tx
}

// Update runs fn in a transaction and commits it when fn returns nil.
func (s *Store) Update(ctx context.Context, fn func(store.Transaction) error) (store.Timestamp, error) {
	conn, err := s.writer.Conn(ctx)
	if err != nil {
		return 0, fmt.Errorf("wait for writer: %w", err)
	}
	ts, missed, err := s.update(ctx, conn, fn)
	if closeErr := conn.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("give back writer: %w", closeErr)
	}
	if err != nil {
		return 0, err
	}
	s.stmts.learn(ctx, s.writer, missed) // the only connection is free again
	return ts, nil
}

func (s *Store) update(ctx context.Context, conn *sql.Conn, fn func(store.Transaction) error) (store.Timestamp, []string, error) {
	// A context that ends in the middle must not decide between commit and
	// rollback, so the transaction does not see it; it is asked before.
	sqlTx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return 0, nil, fmt.Errorf("begin transaction: %w", err)
	}
	committed := false
	defer func() {
		if !committed {
			_ = sqlTx.Rollback()
		}
	}()
	t := &Tx{tx: sqlTx, keys: map[store.Key]struct{}{}}
	t.snapshot = snapshot{store: s, q: t}
	if err := t.start(ctx); err != nil {
		return 0, nil, fmt.Errorf("begin transaction: %w", err)
	}
	if err := fn(t); err != nil {
		return 0, nil, err
	}
	if err := ctx.Err(); err != nil {
		return 0, nil, err
	}
	if !t.wrote {
		// Nothing to commit, but hooks still wait for their moment.
		s.gate.Lock()
		defer s.gate.Unlock()
		t.runHooks(t.ts)
		return t.ts, t.missed, nil
	}
	if err := t.exec(ctx, "INSERT INTO _commits (ts, keys) VALUES (?, ?)", int64(t.commit), encodeKeys(t.keys)); err != nil {
		return 0, nil, fmt.Errorf("log change: %w", err)
	}
	if err := s.land(t); err != nil {
		return 0, nil, fmt.Errorf("commit transaction: %w", err)
	}
	committed = true
	s.notify()
	return t.commit, t.missed, nil
}

// land makes the commit and its hooks visible at once.
func (s *Store) land(t *Tx) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if err := t.tx.Commit(); err != nil {
		return err
	}
	t.runHooks(t.commit)
	return nil
}

func (t *Tx) runHooks(ts store.Timestamp) {
	for _, h := range t.hooks {
		h(ts)
	}
}

// start reads the newest timestamp and chooses the next one.
func (t *Tx) start(ctx context.Context) (err error) {
	rows, err := t.query(ctx, lastCommit)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if rows.Next() {
		if err := rows.Scan(&t.ts); err != nil {
			return err
		}
	}
	t.commit = max(t.ts+1, store.Timestamp(t.store.now().UnixNano()))
	return rows.Err()
}

// CreationTime returns the creation time for a new document. Times of a
// transaction that rolls back are not given again.
func (t *Tx) CreationTime() float64 {
	// Milliseconds since 1970 fit into a float64 with 1/4096 to spare.
	const step = 1.0 / 1024
	at := float64(t.commit/1000) / 1000
	if at <= t.store.creation {
		at = t.store.creation + step
	}
	t.store.creation = at
	return at
}

// Put writes a document.
func (t *Tx) Put(ctx context.Context, name string, doc value.Object) error {
	tbl, ok := t.store.tables[name]
	if !ok {
		return fmt.Errorf("no table %q", name)
	}
	row, err := tbl.row(doc)
	if err != nil {
		return err
	}
	t.wrote = true
	return t.exec(ctx, tbl.put, row...)
}

// Remove deletes a document.
func (t *Tx) Remove(ctx context.Context, name, id string) error {
	tbl, ok := t.store.tables[name]
	if !ok {
		return fmt.Errorf("no table %q", name)
	}
	t.wrote = true
	return t.exec(ctx, tbl.remove, id)
}

// Publish adds keys to the change that the commit will log.
func (t *Tx) Publish(keys ...store.Key) {
	t.wrote = true
	for _, k := range keys {
		t.keys[k] = struct{}{}
	}
}

// AtCommit registers fn to run at the moment of the commit.
func (t *Tx) AtCommit(fn func(store.Timestamp)) { t.hooks = append(t.hooks, fn) }

// Recorded returns what Record kept for a request, or nil.
func (t *Tx) Recorded(ctx context.Context, r store.Request) (rec *store.Record, err error) {
	rows, err := t.query(ctx, "SELECT ts, result FROM _requests WHERE session = ? AND id = ?", r.Session, r.ID)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		return nil, rows.Err()
	}
	rec = &store.Record{}
	if err := rows.Scan(&rec.Timestamp, &rec.Result); err != nil {
		return nil, err
	}
	return rec, nil
}

// Record keeps the result of a request.
func (t *Tx) Record(ctx context.Context, r store.Request, result []byte) error {
	t.wrote = true
	if err := t.exec(ctx, "INSERT INTO _requests (session, id, ts, result) VALUES (?, ?, ?, ?)", r.Session, r.ID, int64(t.commit), result); err != nil {
		return fmt.Errorf("record request: %w", err)
	}
	return nil
}

func (t *Tx) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	if st := t.store.stmts.get(q); st != nil {
		return t.tx.StmtContext(ctx, st).QueryContext(ctx, args...) //nolint:sqlclosecheck // the transaction closes it
	}
	t.missed = append(t.missed, q)
	return t.tx.QueryContext(ctx, q, args...)
}

func (t *Tx) exec(ctx context.Context, q string, args ...any) error {
	var err error
	if st := t.store.stmts.get(q); st != nil {
		_, err = t.tx.StmtContext(ctx, st).ExecContext(ctx, args...) //nolint:sqlclosecheck // the transaction closes it
	} else {
		t.missed = append(t.missed, q)
		_, err = t.tx.ExecContext(ctx, q, args...)
	}
	return err
}

// stmtCache holds the writer's prepared statements by their text.
type stmtCache struct {
	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

// maxStatements bounds the cache; a schema has a few statements per table and
// one per shape of scan.
const maxStatements = 1000

func (c *stmtCache) get(q string) *sql.Stmt {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.stmts[q]
}

// learn prepares statements for the next transaction. What fails stays
// unprepared, which is slower and nothing else.
func (c *stmtCache) learn(ctx context.Context, db *sql.DB, missed []string) {
	for _, q := range missed {
		if c.prepare(ctx, db, q) != nil {
			return
		}
	}
}

func (c *stmtCache) prepare(ctx context.Context, db *sql.DB, q string) error {
	c.mu.RLock()
	_, have := c.stmts[q]
	full := len(c.stmts) >= maxStatements
	c.mu.RUnlock()
	if have || full {
		return nil
	}
	st, err := db.PrepareContext(ctx, q)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, have := c.stmts[q]; have {
		return st.Close() //nolint:sqlclosecheck // only the loser of a race closes, the cache keeps the other
	}
	c.stmts[q] = st
	return nil
}

func (c *stmtCache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, st := range c.stmts {
		errs = append(errs, st.Close())
	}
	clear(c.stmts)
	return errors.Join(errs...)
}

// encodeKeys writes keys one after the other, each with its length.
func encodeKeys(keys map[store.Key]struct{}) []byte {
	b := []byte{}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		b = binary.AppendUvarint(b, uint64(len(k)))
		b = append(b, k...)
	}
	return b
}

func decodeKeys(b []byte) ([]store.Key, error) {
	var keys []store.Key
	for len(b) > 0 {
		n, w := binary.Uvarint(b)
		if w <= 0 || uint64(len(b)-w) < n {
			return nil, errors.New("truncated keys")
		}
		keys = append(keys, store.Key(b[w:w+int(n)]))
		b = b[w+int(n):]
	}
	return keys, nil
}
