// Package tools holds what the agent can do in a sandbox. Each tool is one Go
// file with its description for the model beside it in Markdown; names and
// arguments are those that models know from Claude Code.
//
// A call goes in two steps, so that a crash between them can be told apart
// from one before or after: Prepare checks the input and reads what it must,
// without effect, and Plan.Run does it. What Prepare learned (the hashes of a
// file before and after) is journaled by the caller in between, and Recover
// uses it to finish a call whose end was not seen. A failure that the model
// should know of is a Result with IsError; Go errors are for a sandbox that
// does not answer, and end nothing but the attempt.
package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"surgent.dev/surgent/model"
	"surgent.dev/surgent/sandbox"
)

// Class says what repeating a call would do.
type Class string

// The classes.
const (
	Read       Class = "read"       // no effect: may be repeated, and run beside others
	Idempotent Class = "idempotent" // the hashes tell whether it was done
	Effect     Class = "effect"     // must not run twice
)

// Call is a tool_use block.
type Call struct {
	ID    string
	Name  string
	Input json.RawMessage
}

// Result is what the model and the timeline get of a call.
type Result struct {
	Text    string // never empty
	IsError bool
	// Detail is the structured form for the timeline (tool_use_result): JSON
	// values only. Nil stands for the text.
	Detail any
	// Path and Hash are of the file that the call read or wrote, as it is now.
	Path, Hash string
	// Dir is where a shell command ended.
	Dir string
}

// Env is what a run lends to its tools.
type Env struct {
	Toolbox sandbox.Toolbox
	// Root is the project's folder, Dir where the next shell command starts.
	Root, Dir string
	// Seen is the hash of each file as this session last read or wrote it.
	Seen map[string]string
	// Todos is the plan as it stands.
	Todos []Todo
	// Output, when set, gets the last few KiB of a running command's output.
	Output func(callID, tail string)
	Now    func() time.Time
}

// Plan is a checked call, ready to run.
type Plan struct {
	// Path, Before and After describe an Idempotent call's file: hashes, ""
	// for a file that does not exist.
	Path, Before, After string
	run                 func(ctx context.Context) (Result, error)
}

// Run does it.
func (p *Plan) Run(ctx context.Context) (Result, error) { return p.run(ctx) }

// Journaled is what the journal says of a call that was started.
type Journaled struct {
	Before, After string
	StartedAt     time.Time
}

// tool is one ability.
type tool struct {
	name    string
	prompt  string
	schema  string
	class   Class
	inAsk   bool
	prepare func(ctx context.Context, env *Env, call Call) (*Plan, *Result, error)
	// recover finishes a started call; nil means prepare and run again.
	recover func(ctx context.Context, env *Env, call Call, j Journaled) (Result, error)
}

// Set is the tools of one mode. Its order is fixed: a stable prefix is cached.
type Set struct {
	tools []tool
	specs []model.Tool
	shape map[string]*shape
	// others are the tools that exist but are not allowed here.
	others map[string]bool
}

// Mode is what a run may do.
type Mode string

// The modes.
const (
	Code Mode = "code"
	Ask  Mode = "ask" // nothing that can write
)

func all() []tool {
	return []tool{readTool(), writeTool(), editTool(), bashTool(), globTool(), grepTool(), todoTool()}
}

// For returns the tools of a mode.
func For(mode Mode) (*Set, error) {
	s := &Set{shape: map[string]*shape{}, others: map[string]bool{}}
	for _, t := range all() {
		if mode != Code && !t.inAsk {
			s.others[t.name] = true
			continue
		}
		shape, err := parseShape(t.schema)
		if err != nil {
			return nil, fmt.Errorf("schema of %s: %w", t.name, err)
		}
		s.shape[t.name] = shape
		s.tools = append(s.tools, t)
		s.specs = append(s.specs, model.Tool{Name: t.name, Description: strings.TrimSpace(t.prompt), Schema: compact(t.schema)})
	}
	return s, nil
}

func compact(schema string) json.RawMessage {
	return json.RawMessage(strings.Join(strings.Fields(schema), " "))
}

// Specs returns the tools as the model is offered them.
func (s *Set) Specs() []model.Tool { return s.specs }

// Names returns their names in order.
func (s *Set) Names() []string {
	names := make([]string, len(s.tools))
	for i, t := range s.tools {
		names[i] = t.name
	}
	return names
}

// ClassOf returns a tool's class; unknown tools do nothing, so they are Read.
func (s *Set) ClassOf(name string) Class {
	if t := s.find(name); t != nil {
		return t.class
	}
	return Read
}

func (s *Set) find(name string) *tool {
	i := slices.IndexFunc(s.tools, func(t tool) bool { return t.name == name })
	if i < 0 {
		return nil
	}
	return &s.tools[i]
}

// Prepare checks a call and plans it, or returns the result that refuses it.
func (s *Set) Prepare(ctx context.Context, env *Env, call Call) (*Plan, *Result, error) {
	if r := s.refuse(&call); r != nil {
		return nil, r, nil
	}
	return s.find(call.Name).prepare(ctx, env, call)
}

// Recover finishes a call that was started before a crash.
func (s *Set) Recover(ctx context.Context, env *Env, call Call, j Journaled) (Result, error) {
	if r := s.refuse(&call); r != nil {
		return *r, nil
	}
	t := s.find(call.Name)
	if t.recover != nil {
		return t.recover(ctx, env, call, j)
	}
	plan, refused, err := t.prepare(ctx, env, call)
	if err != nil {
		return Result{}, err
	}
	if refused != nil {
		return *refused, nil
	}
	return plan.Run(ctx)
}

// refuse says why a call cannot run, or brings its input into the form that
// the tools decode.
func (s *Set) refuse(call *Call) *Result {
	if s.others[call.Name] {
		return failed("%s is not allowed in Ask mode: nothing may be changed. Allowed are %s.", call.Name, strings.Join(s.Names(), ", "))
	}
	if s.find(call.Name) == nil {
		return failed("There is no tool %q. The tools are %s.", call.Name, strings.Join(s.Names(), ", "))
	}
	input, problems := s.shape[call.Name].check(call.Input)
	if len(problems) > 0 {
		return failed("InputValidationError: %s was called with arguments that it cannot take:\n%s", call.Name, strings.Join(problems, "\n"))
	}
	call.Input = input
	return nil
}

// failed returns a result that tells the model what went wrong.
func failed(format string, args ...any) *Result {
	text := fmt.Sprintf(format, args...)
	return &Result{Text: text, IsError: true, Detail: "Error: " + text}
}

// decode reads an input that has passed its schema.
func decode[T any](call Call) (T, error) {
	var in T
	if err := json.Unmarshal(call.Input, &in); err != nil {
		return in, fmt.Errorf("decode input of %s: %w", call.Name, err)
	}
	return in, nil
}

// Hash names a content.
func Hash(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// abs returns the absolute form of a path that the model gave.
func (e *Env) abs(p string) string {
	if !path.IsAbs(p) {
		p = path.Join(e.Root, p)
	}
	return path.Clean(p)
}

// under tells whether p is dir or below it.
func under(p, dir string) bool {
	return p == dir || strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/")
}

// readable says why a path may not be read, or "".
func (e *Env) readable(p string) string {
	for _, dir := range []string{"/proc", "/dev", "/sys"} {
		if under(p, dir) {
			return fmt.Sprintf("%s is not a file of the project: %s cannot be read.", p, dir)
		}
	}
	return ""
}

// writable says why a path may not be written, or "". The sandbox is the real
// border; this keeps the model on its own ground.
func (e *Env) writable(p string) string {
	if !under(p, e.Root) && !under(p, "/tmp") {
		return fmt.Sprintf("%s is outside of the project's folder %s.", p, e.Root)
	}
	if slices.Contains(strings.Split(p, "/"), ".git") {
		return fmt.Sprintf("%s belongs to git and is not written by hand.", p)
	}
	return ""
}

// gone tells whether an error of the toolbox is about the file, not about the
// sandbox.
func gone(err error) bool { return errors.Is(err, sandbox.ErrNotFound) }

// clean makes a text safe to store and to show: valid UTF-8 without NUL.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
