package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the database/sql driver "sqlite"

	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
)

// Config says what to open.
type Config struct {
	// Path is the database file. It and its folder, which only the owner may
	// enter, are made when missing.
	Path   string
	Schema *schema.Schema
	// Readers is the most snapshots open at once, 0 for 8.
	Readers int
	// FullSync makes every commit wait for the disk. Without it a commit
	// survives the death of the process, and the last few may be lost when the
	// machine loses power.
	FullSync bool
	// Now is the clock, nil for the real one.
	Now func() time.Time
}

// Store implements store.Store.
type Store struct {
	schema  *schema.Schema
	now     func() time.Time
	writer  *sql.DB
	readers *sql.DB
	tables  map[string]*table
	numbers map[uint32]string

	pool  chan *reader // idle readers
	slots chan struct{}

	// gate is held for reading while snapshots are opened and for writing while
	// a commit becomes visible; see store.Store.Pin.
	gate sync.RWMutex

	stmts stmtCache

	creation float64 // last creation time given; guarded by the write transaction

	mu       sync.Mutex // guards watchers and nextID
	watchers map[int]func()
	nextID   int
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the database and brings its tables and indexes into
// line with the schema. Existing documents are indexed anew where needed.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Path == "" || c.Schema == nil {
		return nil, errors.New("open sqlite store: path and schema are needed")
	}
	if c.Readers <= 0 {
		c.Readers = 8
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Store{
		schema:   c.Schema,
		now:      c.Now,
		pool:     make(chan *reader, c.Readers),
		slots:    make(chan struct{}, c.Readers),
		stmts:    stmtCache{stmts: map[string]*sql.Stmt{}},
		watchers: map[int]func(){},
	}
	if err := s.open(ctx, c); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open sqlite store %s: %w", c.Path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, c Config) error {
	sync := "normal"
	if c.FullSync {
		sync = "full"
	}
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o700); err != nil {
		return err
	}
	var err error
	s.writer, err = sql.Open("sqlite", dsn(c.Path, "journal_mode(wal)", "synchronous("+sync+")", "busy_timeout(10000)", "cache_size(-32768)")+"&_txlock=immediate")
	if err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	s.writer.SetMaxIdleConns(1)
	s.writer.SetConnMaxLifetime(0)
	if err := migrate(ctx, s.writer); err != nil {
		return err
	}
	if err := s.sync(ctx); err != nil {
		return err
	}
	s.readers, err = sql.Open("sqlite", dsn(c.Path, "query_only(1)", "busy_timeout(10000)", "cache_size(-8192)"))
	if err != nil {
		return err
	}
	s.readers.SetMaxOpenConns(c.Readers)
	s.readers.SetMaxIdleConns(c.Readers)
	return nil
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{}
	for _, p := range pragmas {
		q.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String()
}

// Writer returns the pool of the one writing connection, for a job queue in
// the same database. Hold it for short transactions only: mutations wait.
func (s *Store) Writer() *sql.DB { return s.writer }

// Schema returns the schema that the store was opened with.
func (s *Store) Schema() *schema.Schema { return s.schema }

// TableNumber returns the number that ids of this table carry.
func (s *Store) TableNumber(name string) (uint32, bool) {
	t, ok := s.tables[name]
	if !ok {
		return 0, false
	}
	return t.number, true
}

// TableName returns the table whose ids carry this number.
func (s *Store) TableName(number uint32) (string, bool) {
	name, ok := s.numbers[number]
	return name, ok
}

// OnCommit registers fn to be called after every commit.
func (s *Store) OnCommit(fn func()) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.nextID
	s.nextID++
	s.watchers[id] = fn
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, id)
	}
}

func (s *Store) notify() {
	s.mu.Lock()
	fns := make([]func(), 0, len(s.watchers))
	for _, fn := range s.watchers {
		fns = append(fns, fn)
	}
	s.mu.Unlock()
	for _, fn := range fns {
		fn()
	}
}

// Prune forgets old changes and requests. The newest change stays, as the next
// timestamp must be above it.
func (s *Store) Prune(ctx context.Context, changes, requests store.Timestamp) error {
	_, err := s.writer.ExecContext(ctx, "DELETE FROM _commits WHERE ts < min(?, (SELECT max(ts) FROM _commits))", int64(changes))
	if err != nil {
		return fmt.Errorf("prune change log: %w", err)
	}
	if _, err := s.writer.ExecContext(ctx, "DELETE FROM _requests WHERE ts < ?", int64(requests)); err != nil {
		return fmt.Errorf("prune requests: %w", err)
	}
	return nil
}

// Close closes all connections. Snapshots and transactions must have ended.
func (s *Store) Close() error {
	var errs []error
	for len(s.pool) > 0 {
		errs = append(errs, (<-s.pool).close())
	}
	errs = append(errs, s.stmts.close())
	for _, db := range []*sql.DB{s.readers, s.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}
