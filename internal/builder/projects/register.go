package projects

import (
	"surgent.dev/surgent/convex/function"
)

// Config joins the module to its parts. Life and Links are required.
type Config struct {
	Parts Parts
	Life  *Life
	Links Linker
}

type module struct {
	parts Parts
	life  *Life
	links Linker
}

// Register adds this module's functions.
func Register(r *function.Registry, c Config) {
	m := &module{parts: c.Parts, life: c.Life, links: c.Links}
	c.Life.parts = c.Parts

	function.Query(r, "projects:listProjects", listProjects)
	function.Query(r, "projects:getProject", getProject)
	function.Query(r, "projects:getProjectStats", m.getProjectStats)

	function.Mutation(r, "projects:createProject", m.createProject)
	function.Mutation(r, "projects:renameProject", renameProject)
	function.Mutation(r, "projects:setPublic", setPublic)
	function.Mutation(r, "projects:deleteProject", m.deleteProject)
	function.Mutation(r, "projects:wakeSandbox", wakeSandbox)
	function.Mutation(r, "projects:activateProject", activateProject)
	function.Mutation(r, "projects:setProjectSandboxRunIndefinitely", runIndefinitely)
	function.Action(r, "projects:previewLink", m.previewLink)

	function.InternalQuery(r, "projects:bySandbox", bySandbox)
	function.InternalQuery(r, "projects:active", active)
	function.InternalQuery(r, "projects:find", find)
	function.InternalQuery(r, "projects:ping", ping)
	function.InternalQuery(r, "projects:plan", plan)
	function.InternalMutation(r, "projects:wakeFromPreview", wakeFromPreview)
	function.InternalMutation(r, "projects:recover", recoverProject)
	function.InternalMutation(r, "projects:step", step)
	function.InternalMutation(r, "projects:settle", settle)
	function.InternalMutation(r, "projects:report", report)
	function.InternalMutation(r, "projects:asleep", asleep)
	function.InternalMutation(r, "projects:rouse", rouse)
	function.InternalMutation(r, "projects:restartDev", restartLostDev)
	function.InternalMutation(r, "projects:keptAwake", keptAwake)
	function.InternalMutation(r, "projects:giveWay", m.giveWay)
	function.InternalMutation(r, "projects:purge", m.purge)
	function.LongInternalAction(r, "projects:boot", c.Life.boot)
	function.LongInternalAction(r, "projects:check", c.Life.check)
	function.LongInternalAction(r, "projects:keepAwake", c.Life.keepAwake)
	function.LongInternalAction(r, "projects:remove", m.remove)
}
