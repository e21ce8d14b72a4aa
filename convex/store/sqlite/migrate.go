package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewer means that a newer version of this program has written the database.
var ErrNewer = errors.New("the database is from a newer version")

// migrate runs the numbered migrations that the database has not seen, each in
// a transaction of its own. Numbers start at 1 and have no gaps.
func migrate(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS _migrations (number INTEGER PRIMARY KEY) STRICT"); err != nil {
		return fmt.Errorf("create migrations table: %w", err)
	}
	var done int
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(number), 0) FROM _migrations").Scan(&done); err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	entries, err := fs.ReadDir(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	if done > len(entries) {
		return fmt.Errorf("%w: it is at migration %d, this program knows %d", ErrNewer, done, len(entries))
	}
	for i, e := range entries {
		prefix, _, _ := strings.Cut(e.Name(), "_")
		number, err := strconv.Atoi(prefix)
		if err != nil || number != i+1 {
			return fmt.Errorf("migration %s should have number %d", e.Name(), i+1)
		}
		if number <= done {
			continue
		}
		if err := apply(ctx, db, number, "migrations/"+e.Name()); err != nil {
			return fmt.Errorf("run migration %s: %w", e.Name(), err)
		}
	}
	return nil
}

func apply(ctx context.Context, db *sql.DB, number int, file string) error {
	text, err := migrations.ReadFile(file)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after the commit
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO _migrations (number) VALUES (?)", number); err != nil {
		return err
	}
	return tx.Commit()
}
