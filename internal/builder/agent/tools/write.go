package tools

import (
	"context"
	_ "embed"
	"strings"
)

//go:embed write.md
var writePrompt string

func writeTool() tool {
	return tool{
		name: "Write", prompt: writePrompt, class: Idempotent, prepare: prepareWrite, recover: recoverWrite,
		schema: `{"type": "object", "additionalProperties": false, "required": ["file_path", "content"], "properties": {
			"file_path": {"type": "string", "minLength": 1, "description": "The absolute path of the file"},
			"content": {"type": "string", "description": "The whole new content"}}}`,
	}
}

type writeInput struct {
	FilePath string `json:"file_path"`
	Content  string `json:"content"`
}

func prepareWrite(ctx context.Context, env *Env, call Call) (*Plan, *Result, error) {
	in, err := decode[writeInput](call)
	if err != nil {
		return nil, nil, err
	}
	p := env.abs(in.FilePath)
	if why := env.writable(p); why != "" {
		return nil, failed("%s", why), nil
	}
	if len(in.Content) > maxFile {
		return nil, failed("The content is too large: %d bytes, at most %d.", len(in.Content), maxFile), nil
	}
	before, refused, err := env.load(ctx, p)
	if err != nil || refused != nil {
		return nil, refused, err
	}
	if r := env.stale(p, before); r != nil {
		return nil, r, nil
	}
	return &Plan{Path: p, Before: hashOf(before), After: Hash([]byte(in.Content)), run: func(ctx context.Context) (Result, error) {
		if r, err := env.save(ctx, p, []byte(in.Content)); err != nil {
			return Result{}, err
		} else if r != nil {
			return *r, nil
		}
		return written(env, p, before, in.Content), nil
	}}, nil, nil
}

// written is the result of a Write; before is nil for a new file.
func written(env *Env, p string, before []byte, content string) Result {
	_, read := env.Seen[p]
	text, kind := "Created "+p+".", "create"
	var original any
	if before != nil {
		text, kind, original = "Replaced "+p+".", "update", keepable(before)
		if !read {
			text += " It existed already and had not been read in this session."
		}
	}
	return Result{
		Text: text, Path: p, Hash: Hash([]byte(content)),
		Detail: map[string]any{
			"type": kind, "filePath": p, "content": content, "originalFile": original,
			"structuredPatch": patchOf(before, content), "userModified": false,
		},
	}
}

// maxOriginal is the largest original, in bytes, that a row keeps.
const maxOriginal = 32 << 10

func keepable(content []byte) any {
	if len(content) > maxOriginal || binary(content) {
		return nil
	}
	return clean(string(content))
}

func patchOf(before []byte, after string) []Hunk {
	if before == nil || binary(before) || strings.ContainsRune(after, 0) {
		return []Hunk{}
	}
	return patch(string(before), after)
}

func recoverWrite(ctx context.Context, env *Env, call Call, j Journaled) (Result, error) {
	in, err := decode[writeInput](call)
	if err != nil {
		return Result{}, err
	}
	return finishFile(ctx, env, call, env.abs(in.FilePath), j, func(now []byte) Result {
		r := written(env, env.abs(in.FilePath), nil, in.Content)
		if j.Before != "" {
			r.Text = "Replaced " + r.Path + "."
			if d, ok := r.Detail.(map[string]any); ok {
				d["type"] = "update"
			}
		}
		return r
	})
}

// finishFile ends a file change whose end was not seen: by the file's hash it
// was done, or not begun, or somebody else came between.
func finishFile(ctx context.Context, env *Env, call Call, p string, j Journaled, done func(now []byte) Result) (Result, error) {
	now, refused, err := env.load(ctx, p)
	if err != nil {
		return Result{}, err
	}
	if refused != nil {
		return *refused, nil
	}
	switch hashOf(now) {
	case j.After:
		return done(now), nil
	case j.Before:
		// Not begun. The session's own knowledge is from before the crash.
		prepare := prepareWrite
		if call.Name == "Edit" {
			prepare = prepareEdit
		}
		plan, refused, err := prepare(ctx, env, call)
		if err != nil {
			return Result{}, err
		}
		if refused != nil {
			return *refused, nil
		}
		return plan.Run(ctx)
	}
	return *failed("This %s was interrupted, and %s is neither as it was before nor as it would be after. Read it before you go on.", call.Name, p), nil
}
