// Package sandbox is the port to the places where an app's code lives and
// runs. Its shape is the Daytona API's: a control plane that makes, starts,
// stops and deletes sandboxes, and a toolbox inside each of them for files,
// processes and git. There are two servers of that API, Daytona's cloud and
// sandbox/engine in this module, and one client of it, sandbox/daytona, which
// implements Client for both: there is no second code path.
//
// The promises of each method stand on it and are held by sandboxtest.
// Nothing in this package does I/O.
package sandbox

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// Errors that callers branch on. Drivers wrap them.
var (
	// ErrNotFound: no such sandbox, file, session, command or snapshot.
	ErrNotFound = errors.New("sandbox: not found")
	// ErrConflict: the name exists, or a state change is in progress.
	ErrConflict = errors.New("sandbox: conflict")
	// ErrNotRunning: the sandbox is not started, so it has no toolbox now.
	ErrNotRunning = errors.New("sandbox: not running")
	// ErrNoRoom: the server has no room for another running sandbox now. It may
	// have some once another stops.
	ErrNoRoom = errors.New("sandbox: no room")
	// ErrTimeout: the command ran longer than its limit and was killed.
	ErrTimeout = errors.New("sandbox: timeout")
	// ErrInvalid: the server refused the request; the text says why.
	ErrInvalid = errors.New("sandbox: invalid request")
	// ErrEnded: the session's shell, or the command, has ended and takes
	// nothing more. The session's id is free again after DeleteSession.
	ErrEnded = errors.New("sandbox: ended")
)

// State is a sandbox's state in Daytona's words.
type State string

// The states that this program acts on. Others may appear; they are passed on.
const (
	Creating        State = "creating"
	Restoring       State = "restoring"
	Started         State = "started"
	Stopped         State = "stopped"
	Starting        State = "starting"
	Stopping        State = "stopping"
	Snapshotting    State = "snapshotting"
	Archived        State = "archived"
	Archiving       State = "archiving"
	Destroying      State = "destroying"
	Destroyed       State = "destroyed"
	Failed          State = "error"
	BuildFailed     State = "build_failed"
	PullingSnapshot State = "pulling_snapshot"
)

// Info describes one sandbox.
type Info struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`
	Snapshot         string            `json:"snapshot,omitempty"`
	State            State             `json:"state"`
	ErrorReason      string            `json:"errorReason,omitempty"`
	User             string            `json:"user"`
	Env              map[string]string `json:"env"`
	Labels           map[string]string `json:"labels"`
	Public           bool              `json:"public"`
	CPU              float64           `json:"cpu"`
	Memory           float64           `json:"memory"`           // GiB
	Disk             float64           `json:"disk"`             // GiB
	AutoStopInterval int               `json:"autoStopInterval"` // minutes; 0 is off
	CreatedAt        time.Time         `json:"createdAt"`
	UpdatedAt        time.Time         `json:"updatedAt"`
	LastActivityAt   time.Time         `json:"lastActivityAt"` // zero where the server doesn't tell
}

// CreateRequest asks for a new sandbox. Snapshot "" is the server's default.
type CreateRequest struct {
	Name             string            `json:"name,omitempty"`
	Snapshot         string            `json:"snapshot,omitempty"`
	Env              map[string]string `json:"env"`
	Labels           map[string]string `json:"labels,omitempty"`
	Public           bool              `json:"public,omitempty"`
	AutoStopInterval *int              `json:"autoStopInterval,omitempty"` // minutes; 0 is never
}

// Client is the control plane.
type Client interface {
	// Create makes a sandbox and returns once it is started, or with the
	// reason why it did not start. A name that exists is ErrConflict.
	Create(ctx context.Context, req CreateRequest) (*Info, error)
	// Get returns a sandbox by id or name, ErrNotFound when it is unknown or
	// destroyed.
	Get(ctx context.Context, idOrName string) (*Info, error)
	// List returns the sandboxes whose labels contain all of labels.
	List(ctx context.Context, labels map[string]string) ([]*Info, error)
	// Start returns once the sandbox is started; starting a started one is a
	// no-op. Files survive stop and start; processes may.
	Start(ctx context.Context, id string) (*Info, error)
	// Stop saves the files and frees the rest. Stopping a stopped one is a
	// no-op.
	Stop(ctx context.Context, id string) error
	// Delete removes the sandbox and its files. Deleting an unknown one is a
	// no-op.
	Delete(ctx context.Context, id string) error
	// SetAutoStop changes the minutes of rest after which it stops; 0 is never.
	SetAutoStop(ctx context.Context, id string, minutes int) error
	// Touch says that the sandbox is in use, which postpones its auto stop.
	Touch(ctx context.Context, id string) error
	// Preview returns where the port answers, and the token that opens it.
	Preview(ctx context.Context, id string, port int) (PreviewTarget, error)
	// Toolbox returns the tools inside a sandbox. It does no I/O: calls on a
	// sandbox that is not started fail with ErrNotRunning or ErrNotFound.
	Toolbox(id string) Toolbox
}

// PreviewTarget is where one port of a sandbox answers. Requests go to URL
// with the header x-daytona-preview-token: Token (and
// x-daytona-skip-preview-warning: true). Dial, when set, reaches the server
// of URL where its host name does not resolve (*.localhost); it fits
// http.Transport.DialContext.
type PreviewTarget struct {
	URL   string `json:"url"`
	Token string `json:"token"`

	Dial func(ctx context.Context, network, addr string) (net.Conn, error) `json:"-"`
}

// Toolbox is what runs inside a started sandbox. Relative paths resolve
// against its working folder.
type Toolbox interface {
	Files
	Processes
	Git
	// WorkDir returns the working folder: where projects live.
	WorkDir(ctx context.Context) (string, error)
	// Within returns the file system of one folder, given as an absolute path:
	// relative paths start there, and a path that leads out of it, by itself
	// or through a symbolic link, is ErrInvalid. So is one that leads to, or
	// through, a name right below the folder that is among except, in any case
	// of its letters; searches pass over these.
	Within(folder string, except ...string) Files
}

// FileInfo describes a file as Daytona's toolbox does.
type FileInfo struct {
	Name        string    `json:"name"`
	Path        string    `json:"path,omitempty"` // absolute, where the server tells it
	Size        int64     `json:"size"`           // bytes
	Mode        string    `json:"mode"`           // "-rw-r--r--"
	Permissions string    `json:"permissions"`    // "0644"
	ModifiedAt  time.Time `json:"modifiedAt"`
	IsDir       bool      `json:"isDir"`
	Owner       string    `json:"owner"`
	Group       string    `json:"group"`
}

// Match is one line that FindInFiles found.
type Match struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // 1-based
	Content string `json:"content"`
}

// ReplaceResult tells what ReplaceInFiles did with one file.
type ReplaceResult struct {
	File    string `json:"file"`
	Success bool   `json:"success"`
	Error   string `json:"error,omitempty"`
}

// Upload is one file to write.
type Upload struct {
	Path    string
	Content io.Reader
}

// MaxEntries is how many entries any list that a toolbox answers has at most;
// what is over is left off.
const MaxEntries = 10_000

// Files is the toolbox's file system.
type Files interface {
	// ListFiles returns the entries of a folder, never nil; ErrNotFound, or
	// ErrInvalid for a file.
	ListFiles(ctx context.Context, path string) ([]FileInfo, error)
	// FileInfo follows symbolic links.
	FileInfo(ctx context.Context, path string) (*FileInfo, error)
	// Download streams one file; the caller closes it.
	Download(ctx context.Context, path string) (io.ReadCloser, error)
	// UploadFiles writes files, making parents, replacing what is there.
	UploadFiles(ctx context.Context, files []Upload) error
	// CreateFolder makes a folder and its parents; mode is octal, "0755".
	CreateFolder(ctx context.Context, path, mode string) error
	// DeleteFile removes a file, or a folder and all in it when recursive.
	DeleteFile(ctx context.Context, path string, recursive bool) error
	// MoveFile renames; a destination that exists is ErrConflict.
	MoveFile(ctx context.Context, source, destination string) error
	// SetPermissions changes mode (octal), owner and group; "" leaves each.
	SetPermissions(ctx context.Context, path, mode, owner, group string) error
	// SearchFiles returns the absolute paths whose base name matches a glob.
	SearchFiles(ctx context.Context, path, pattern string) ([]string, error)
	// FindInFiles looks for a literal string in text files.
	FindInFiles(ctx context.Context, path, pattern string) ([]Match, error)
	// ReplaceInFiles replaces every occurrence of a literal string.
	ReplaceInFiles(ctx context.Context, files []string, pattern, newValue string) ([]ReplaceResult, error)
}

// ExecRequest is one command run to its end.
type ExecRequest struct {
	Command string
	Dir     string            // "" is the working folder
	Env     map[string]string // added to the sandbox's
	Timeout time.Duration     // 0 is none; rounded up to seconds
}

// ExecResult is how a command ended. A non-zero ExitCode is no error.
type ExecResult struct {
	ExitCode int
	Output   string // standard output and error, merged
}

// Command is one command of a process session.
type Command struct {
	ID       string `json:"id"`
	Command  string `json:"command"`
	ExitCode *int   `json:"exitCode,omitempty"` // nil while it runs
}

// Session is a long-lived shell: its commands run one after another and share
// directory and environment.
type Session struct {
	ID       string    `json:"sessionId"`
	Commands []Command `json:"commands"`
}

// Stream tells which output a piece of a log is.
type Stream int

// The output streams of a command.
const (
	Stdout Stream = 1
	Stderr Stream = 2
)

// Processes runs commands.
type Processes interface {
	// Execute runs a shell command and waits. Past its timeout the whole
	// process group is killed and the error is ErrTimeout.
	Execute(ctx context.Context, req ExecRequest) (*ExecResult, error)
	// CreateSession starts a shell; an id in use is ErrConflict.
	CreateSession(ctx context.Context, sessionID string) error
	GetSession(ctx context.Context, sessionID string) (*Session, error)
	ListSessions(ctx context.Context) ([]Session, error)
	// DeleteSession kills everything the session started. Deleting an unknown
	// one is ErrNotFound.
	DeleteSession(ctx context.Context, sessionID string) error
	// StartCommand begins a command in a session and returns its id. Its
	// standard input stays open for SendInput, so a program that reads it
	// waits: callers who never send any redirect it from /dev/null.
	StartCommand(ctx context.Context, sessionID, command string) (string, error)
	// GetCommand tells whether a command still runs. Its exit code shows only
	// after all of its output is in the log.
	GetCommand(ctx context.Context, sessionID, commandID string) (*Command, error)
	// FollowLogs calls write with the command's output from its beginning on,
	// as it comes, until the command has ended or ctx is done. A cut
	// connection is taken up again without a gap or a repeat. Following is no
	// use of the sandbox: it may stop meanwhile, see Touch.
	FollowLogs(ctx context.Context, sessionID, commandID string, write func(Stream, []byte) error) error
	// SendInput writes to the standard input of a running command; a newline
	// is added where there is none. ErrEnded when it has ended.
	SendInput(ctx context.Context, sessionID, commandID, data string) error
	// Logs returns all output so far.
	Logs(ctx context.Context, sessionID, commandID string) (stdout, stderr string, err error)
}

// FileStatus is one changed file, in the toolbox's words ("Modified",
// "Untracked", "Added", "Deleted", "Renamed", "Unmodified", …).
type FileStatus struct {
	Name     string `json:"name"`
	Staging  string `json:"staging"`
	Worktree string `json:"worktree"`
	Extra    string `json:"extra"`
}

// GitStatus is the state of a work tree; clean files are absent.
type GitStatus struct {
	CurrentBranch string       `json:"currentBranch"`
	FileStatus    []FileStatus `json:"fileStatus"`
}

// CloneRequest clones a repository. Credentials are used once, never stored.
type CloneRequest struct {
	URL      string `json:"url"`
	Path     string `json:"path"`
	Branch   string `json:"branch,omitempty"`
	CommitID string `json:"commit_id,omitempty"`
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// GitCommitInfo is one commit of a history.
type GitCommitInfo struct {
	Hash      string    `json:"hash"`
	Author    string    `json:"author"`
	Email     string    `json:"email"`
	Message   string    `json:"message"`
	Timestamp time.Time `json:"timestamp"`
}

// GitCredentials open a remote for one call; they are never stored.
type GitCredentials struct {
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// Git is version control inside the sandbox.
type Git interface {
	GitClone(ctx context.Context, req CloneRequest) error
	GitAdd(ctx context.Context, path string, files []string) error
	// GitCommit commits what is staged and returns the commit's hash.
	GitCommit(ctx context.Context, path, message, author, email string) (string, error)
	GitStatus(ctx context.Context, path string) (*GitStatus, error)
	// GitBranches returns the local branches.
	GitBranches(ctx context.Context, path string) ([]string, error)
	// GitCreateBranch makes a branch at the current commit and checks it out.
	// A branch that exists is ErrConflict.
	GitCreateBranch(ctx context.Context, path, name string) error
	// GitDeleteBranch removes a local branch.
	GitDeleteBranch(ctx context.Context, path, name string) error
	// GitCheckout switches to a branch or a commit.
	GitCheckout(ctx context.Context, path, branch string) error
	// GitPull and GitPush exchange the current branch with its remote. What
	// cannot be fast-forwarded is ErrConflict.
	GitPull(ctx context.Context, path string, creds GitCredentials) error
	GitPush(ctx context.Context, path string, creds GitCredentials) error
	// GitHistory returns the commits of the current branch, newest first.
	GitHistory(ctx context.Context, path string) ([]GitCommitInfo, error)
}

// SnapshotState is the state of a snapshot in Daytona's words.
type SnapshotState string

// The snapshot states that this program acts on.
const (
	SnapshotPending  SnapshotState = "pending"
	SnapshotBuilding SnapshotState = "building"
	SnapshotActive   SnapshotState = "active"
	SnapshotError    SnapshotState = "error"
	// SnapshotBuildFailed is what Daytona's cloud says of a build's own error.
	SnapshotBuildFailed SnapshotState = "build_failed"
	// SnapshotInactive was not used for long; it must be activated.
	SnapshotInactive SnapshotState = "inactive"
)

// Snapshot is what sandboxes are made from.
type Snapshot struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	State       SnapshotState `json:"state"`
	ErrorReason string        `json:"errorReason,omitempty"`
	// Step says in words what a snapshot that is being built waits for. Only
	// the embedded engine tells it.
	Step string `json:"step,omitempty"`
}

// Snapshots is the optional ability of a server to list, make and remove
// snapshots.
type Snapshots interface {
	// GetSnapshot returns a snapshot by id or name.
	GetSnapshot(ctx context.Context, idOrName string) (*Snapshot, error)
	// CreateSnapshot builds one from a Dockerfile's text and returns at once;
	// GetSnapshot tells how it goes.
	CreateSnapshot(ctx context.Context, name, dockerfile string) (*Snapshot, error)
	// DeleteSnapshot removes one; unknown is a no-op.
	DeleteSnapshot(ctx context.Context, idOrName string) error
}

// LiveSnapshots is the optional ability to freeze a running sandbox, memory
// and processes included, into a snapshot whose sandboxes wake with them
// running. The embedded engine has it, Daytona's cloud has not.
type LiveSnapshots interface {
	// SnapshotLive freezes sandbox id as snapshot name and returns once the
	// snapshot is active. The sandbox goes on running.
	SnapshotLive(ctx context.Context, id, name string) error
}

// Backups is the optional ability to save the files of a running sandbox at
// once, so that they outlive a crash of the machine. A server saves from time
// to time anyway.
type Backups interface {
	// Backup returns once the files are saved. A sandbox that does not run is
	// saved already.
	Backup(ctx context.Context, id string) error
}
