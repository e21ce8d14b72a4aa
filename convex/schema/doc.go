// Package schema declares tables, their indexes and what their documents and
// the arguments of functions may hold. A table is declared by a Go struct:
//
//	type Task struct {
//		ID           TaskID  `json:"_id"`
//		CreationTime float64 `json:"_creationTime"`
//		Text         string  `json:"text"`
//		Done         *bool   `json:"done,omitempty"`
//	}
//
//	type TaskID string
//
//	func (TaskID) ConvexTable() string { return "tasks" }
//
//	var Tasks = schema.Define[Task]("tasks", schema.Index{Name: "by_text", Fields: []string{"text"}})
//
// The struct derives a Validator, which also gives clients the error texts
// that official servers give. Store, the package above, keeps the documents.
package schema
