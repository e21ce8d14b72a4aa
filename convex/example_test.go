package convex_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"surgent.dev/surgent/convex"
	"surgent.dev/surgent/convex/function"
	"surgent.dev/surgent/convex/schema"
	"surgent.dev/surgent/convex/store"
	"surgent.dev/surgent/convex/store/sqlite"
	"surgent.dev/surgent/convex/value"
)

// TaskID is the id of a task: v.id("tasks").
type TaskID string

// ConvexTable names the table.
func (TaskID) ConvexTable() string { return "tasks" }

// Task is a document of the table tasks.
type Task struct {
	ID           TaskID  `json:"_id"`
	CreationTime float64 `json:"_creationTime"`
	List         string  `json:"list"`
	Text         string  `json:"text"`
	Done         bool    `json:"done,omitempty"` // optional: absent when false
}

var (
	taskTable = schema.Define[Task]("tasks", schema.Index{Name: "by_list", Fields: []string{"list"}})
	tasks     = store.TypedTable[Task, TaskID]("tasks")
)

func registerTasks(r *function.Registry) {
	type listArgs struct {
		List string `json:"list"`
	}
	function.Query(r, "tasks:list", func(ctx *function.QueryCtx, args listArgs) ([]Task, error) {
		return tasks.Query(ctx.DB, "by_list", args.List).All(ctx)
	})

	type addArgs struct {
		List string `json:"list"`
		Text string `json:"text"`
	}
	function.Mutation(r, "tasks:add", func(ctx *function.MutationCtx, args addArgs) (TaskID, error) {
		if args.Text == "" {
			return "", function.Errorf("invalid", "A task needs a text")
		}
		return tasks.Insert(ctx, ctx.DB, Task{List: args.List, Text: args.Text})
	})

	type doneArgs struct {
		ID TaskID `json:"id"`
	}
	function.InternalMutation(r, "tasks:done", func(ctx *function.MutationCtx, args doneArgs) (struct{}, error) {
		return struct{}{}, tasks.Patch(ctx, ctx.DB, args.ID, value.Object{"done": true})
	})

	function.Action(r, "tasks:doAll", func(ctx *function.ActionCtx, args listArgs) (int, error) {
		var open []Task
		if err := ctx.RunQuery("tasks:list", args, &open); err != nil {
			return 0, err
		}
		for _, t := range open {
			if err := ctx.RunMutation("tasks:done", doneArgs{t.ID}, nil); err != nil {
				return 0, err
			}
		}
		return len(open), nil
	})
}

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "convex")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	sch, err := schema.New(taskTable)
	if err != nil {
		panic(err)
	}
	db, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(dir, "tasks.db"), Schema: sch})
	if err != nil {
		panic(err)
	}
	defer func() { _ = db.Close() }()

	registry := function.NewRegistry()
	registerTasks(registry)
	rt, err := convex.Open(ctx, convex.Config{Registry: registry, Store: db})
	if err != nil {
		panic(err)
	}

	add := map[string]any{"list": "home", "text": "water the plants"}
	if err := rt.RunMutation(ctx, "tasks:add", add, nil); err != nil {
		panic(err)
	}
	var n int
	if err := rt.RunAction(ctx, "tasks:doAll", map[string]any{"list": "home"}, &n); err != nil {
		panic(err)
	}
	var list []Task
	if err := rt.RunQuery(ctx, "tasks:list", map[string]any{"list": "home"}, &list); err != nil {
		panic(err)
	}
	fmt.Println(n, list[0].Text, list[0].Done)
	fmt.Println(rt.RunMutation(ctx, "tasks:add", map[string]any{"list": "home"}, nil))
	// Output:
	// 1 water the plants true
	// ArgumentValidationError: Object is missing the required field `text`. Consider wrapping the field validator in `v.optional(...)` if this is expected.
	//
	// Object: {list: "home"}
	// Validator: v.object({list: v.string(), text: v.string()})
}
