package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"surgent.dev/surgent/convex/store"
)

// reader is one reading connection with its prepared statements. It is used by
// one goroutine at a time.
type reader struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (r *reader) prepared(ctx context.Context, q string) (*sql.Stmt, error) {
	if st, ok := r.stmts[q]; ok {
		return st, nil
	}
	st, err := r.conn.PrepareContext(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("prepare statement: %w", err)
	}
	r.stmts[q] = st
	return st, nil
}

func (r *reader) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	st, err := r.prepared(ctx, q) //nolint:sqlclosecheck // kept in r.stmts
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

func (r *reader) exec(ctx context.Context, q string) error {
	st, err := r.prepared(ctx, q) //nolint:sqlclosecheck // kept in r.stmts
	if err != nil {
		return err
	}
	_, err = st.ExecContext(ctx)
	return err
}

// begin starts a snapshot: SQLite takes it with the first read.
func (r *reader) begin(ctx context.Context) (store.Timestamp, error) {
	if err := r.exec(ctx, "BEGIN"); err != nil {
		return 0, err
	}
	st, err := r.prepared(ctx, lastCommit) //nolint:sqlclosecheck // kept in r.stmts
	if err != nil {
		return 0, err
	}
	var ts store.Timestamp
	err = st.QueryRowContext(ctx).Scan(&ts)
	return ts, err
}

const lastCommit = "SELECT coalesce(max(ts), 0) FROM _commits"

func (r *reader) close() error {
	var errs []error
	for _, st := range r.stmts {
		errs = append(errs, st.Close())
	}
	errs = append(errs, r.conn.Close())
	return errors.Join(errs...)
}

// acquire takes an idle reader or opens one, and waits when all are busy.
func (s *Store) acquire(ctx context.Context) (*reader, error) {
	select {
	case r := <-s.pool:
		return r, nil
	default:
	}
	select {
	case r := <-s.pool:
		return r, nil
	case s.slots <- struct{}{}:
		conn, err := s.readers.Conn(ctx)
		if err != nil {
			<-s.slots
			return nil, fmt.Errorf("open reader: %w", err)
		}
		return &reader{conn: conn, stmts: map[string]*sql.Stmt{}}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// giveBack ends the reader's snapshot. A reader that cannot is thrown away.
func (s *Store) giveBack(ctx context.Context, r *reader) {
	// Also when whoever read has left: the snapshot would hold the log open.
	if err := r.exec(context.WithoutCancel(ctx), "ROLLBACK"); err != nil {
		_ = r.close()
		<-s.slots
		return
	}
	s.pool <- r
}

// View runs fn with a snapshot of the newest commit.
func (s *Store) View(ctx context.Context, fn func(store.Snapshot) error) error {
	snaps, release, err := s.Pin(ctx, 1, func() {})
	if err != nil {
		return err
	}
	defer release()
	return fn(snaps[0])
}

// Pin opens n snapshots of one commit; pin runs while no commit can happen.
func (s *Store) Pin(ctx context.Context, n int, pin func()) ([]store.Snapshot, func(), error) {
	readers := make([]*reader, 0, n)
	release := func() {
		for _, r := range readers {
			s.giveBack(ctx, r)
		}
	}
	for range n {
		r, err := s.acquire(ctx)
		if err != nil {
			release()
			return nil, nil, err
		}
		readers = append(readers, r)
	}
	snaps := make([]store.Snapshot, 0, n)
	s.gate.RLock()
	defer s.gate.RUnlock()
	for _, r := range readers {
		ts, err := r.begin(ctx)
		if err != nil {
			release()
			return nil, nil, fmt.Errorf("begin snapshot: %w", err)
		}
		snaps = append(snaps, &snapshot{store: s, q: r, ts: ts})
	}
	pin()
	return snaps, release, nil
}
