package tools

import (
	"context"
	_ "embed"
)

//go:embed todo.md
var todoPrompt string

// Todo is one item of the plan that the person sees.
type Todo struct {
	Content    string `json:"content"`
	Status     string `json:"status"` // pending, in_progress, completed
	ActiveForm string `json:"activeForm"`
	ID         string `json:"id,omitempty"`
}

func todoTool() tool {
	return tool{
		name: "TodoWrite", prompt: todoPrompt, class: Idempotent, inAsk: true, prepare: prepareTodo,
		schema: `{"type": "object", "additionalProperties": false, "required": ["todos"], "properties": {
			"todos": {"type": "array", "description": "The whole list, in order", "items": {
				"type": "object", "required": ["content", "status", "activeForm"], "properties": {
					"content": {"type": "string", "minLength": 1, "description": "What is to be done"},
					"status": {"type": "string", "enum": ["pending", "in_progress", "completed"]},
					"activeForm": {"type": "string", "minLength": 1, "description": "The same, said while it is being done"},
					"id": {"type": "string"}}}}}}`,
	}
}

func prepareTodo(_ context.Context, env *Env, call Call) (*Plan, *Result, error) {
	in, err := decode[struct {
		Todos []Todo `json:"todos"`
	}](call)
	if err != nil {
		return nil, nil, err
	}
	return &Plan{run: func(context.Context) (Result, error) {
		old := env.Todos
		if old == nil {
			old = []Todo{}
		}
		env.Todos = in.Todos
		return Result{
			Text:   "The plan is updated. Go on with the item in progress.",
			Detail: map[string]any{"oldTodos": old, "newTodos": in.Todos},
		}, nil
	}}, nil, nil
}
