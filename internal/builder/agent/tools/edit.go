package tools

import (
	"context"
	_ "embed"
	"strings"
)

//go:embed edit.md
var editPrompt string

func editTool() tool {
	return tool{
		name: "Edit", prompt: editPrompt, class: Idempotent, prepare: prepareEdit, recover: recoverEdit,
		schema: `{"type": "object", "additionalProperties": false, "required": ["file_path", "old_string", "new_string"], "properties": {
			"file_path": {"type": "string", "minLength": 1, "description": "The absolute path of the file"},
			"old_string": {"type": "string", "description": "The text to replace, exactly as it stands in the file"},
			"new_string": {"type": "string", "description": "The text that takes its place"},
			"replace_all": {"type": "boolean", "description": "Replace every occurrence; false by default"}}}`,
	}
}

type editInput struct {
	FilePath   string `json:"file_path"`
	OldString  string `json:"old_string"`
	NewString  string `json:"new_string"`
	ReplaceAll bool   `json:"replace_all"`
}

func prepareEdit(ctx context.Context, env *Env, call Call) (*Plan, *Result, error) {
	in, err := decode[editInput](call)
	if err != nil {
		return nil, nil, err
	}
	p := env.abs(in.FilePath)
	if why := env.writable(p); why != "" {
		return nil, failed("%s", why), nil
	}
	before, refused, err := env.load(ctx, p)
	if err != nil || refused != nil {
		return nil, refused, err
	}
	after, refused := apply(env, p, before, in)
	if refused != nil {
		return nil, refused, nil
	}
	return &Plan{Path: p, Before: hashOf(before), After: Hash([]byte(after)), run: func(ctx context.Context) (Result, error) {
		if r, err := env.save(ctx, p, []byte(after)); err != nil {
			return Result{}, err
		} else if r != nil {
			return *r, nil
		}
		return edited(p, in, before, after), nil
	}}, nil, nil
}

// apply makes the edited text, or says why it cannot be made.
func apply(env *Env, p string, before []byte, in editInput) (string, *Result) {
	if before == nil {
		if in.OldString == "" {
			return in.NewString, nil
		}
		return "", failed("There is no file %s.", p)
	}
	if _, ok := env.Seen[p]; !ok {
		return "", failed("%s has not been read yet. Read it before you edit it.", p)
	}
	if r := env.stale(p, before); r != nil {
		return "", r
	}
	if binary(before) {
		return "", failed("%s is a binary file.", p)
	}
	if in.OldString == in.NewString {
		return "", failed("old_string and new_string are the same: there is nothing to change.")
	}
	if in.OldString == "" {
		return "", failed("old_string is empty, but %s exists. Name the text to replace, or use Write.", p)
	}
	n := strings.Count(string(before), in.OldString)
	switch {
	case n == 0:
		return "", failed("old_string was not found in %s. It must match exactly, white space included.\nold_string: %s", p, in.OldString)
	case n > 1 && !in.ReplaceAll:
		return "", failed("old_string was found %d times in %s. Add lines around it until it is unique, or set replace_all.\nold_string: %s", n, p, in.OldString)
	}
	return strings.ReplaceAll(string(before), in.OldString, in.NewString), nil
}

func edited(p string, in editInput, before []byte, after string) Result {
	text := "Edited " + p + "."
	if before == nil {
		text = "Created " + p + "."
	}
	return Result{
		Text: text, Path: p, Hash: Hash([]byte(after)),
		Detail: map[string]any{
			"filePath": p, "oldString": in.OldString, "newString": in.NewString, "originalFile": keepable(before),
			"structuredPatch": patchOf(before, after), "userModified": false, "replaceAll": in.ReplaceAll,
		},
	}
}

func recoverEdit(ctx context.Context, env *Env, call Call, j Journaled) (Result, error) {
	in, err := decode[editInput](call)
	if err != nil {
		return Result{}, err
	}
	p := env.abs(in.FilePath)
	return finishFile(ctx, env, call, p, j, func(now []byte) Result {
		// The old text is gone; where the new one is unique it can be had back.
		var before []byte
		if in.NewString != "" && strings.Count(string(now), in.NewString) == 1 {
			before = []byte(strings.Replace(string(now), in.NewString, in.OldString, 1))
			if Hash(before) != j.Before {
				before = nil
			}
		}
		r := edited(p, in, before, string(now))
		r.Text = "Edited " + p + "."
		return r
	})
}
