package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file is what every kernel does around the hashing: entry, the loops over
// versions and groups, and return.

// declare begins the assembly function of a kernel.
func declare(name, kernel string) {
	TEXT(name, 0, "func(job *uint32)")
	Doc(name+" is the kernel "+kernel+". It searches groups of nonces until there are none left,",
		"or it is to stop, or has no room for more hits: see groupScan. The argument is the job's",
		"first word.")
	Pragma("noescape")
}

// enter makes a frame of size bytes, on a boundary of 64 bytes, and loads the
// job.
func (s *searcher) enter(size int) {
	Load(Param("job"), s.job)
	Comment("The frame, on a boundary of 64 bytes.")
	local := AllocLocal(size + 64)
	LEAQ(local.Offset(63), s.frame)
	ANDQ(I8(-64), s.frame)
}

// versionAt makes states point to a version.
func (s *searcher) versionAt(version, states reg.GPPhysical) {
	LEAQ(Mem{Base: version, Index: version, Scale: 4}, states)
	SHLQ(Imm(4), states) // 5 * 16 = versionSize
	LEAQ(Mem{Base: s.job, Index: states, Scale: 1, Disp: jobStates}, states)
}

// keepHits stores the mask in RAX as the hits of a group under one version, and
// goes to the label "return" when there is no room for more.
func (s *searcher) keepHits(scratch reg.GPPhysical, nonce, version func(to reg.Register)) {
	entry := func(offset int) Mem {
		return Mem{Base: s.job, Index: scratch, Scale: 1, Disp: jobHits + offset}
	}
	MOVL(s.inJob(jobFound), scratch.As32())
	SHLQ(Imm(4), scratch)
	MOVQ(reg.RAX, entry(8))
	nonce(reg.EAX)
	MOVL(reg.EAX, entry(0))
	version(reg.EAX)
	MOVL(reg.EAX, entry(4))
	MOVL(s.inJob(jobFound), reg.EAX)
	INCL(reg.EAX)
	MOVL(reg.EAX, s.inJob(jobFound))
	CMPL(reg.EAX, s.inJob(jobRoom))
	JAE(LabelRef("return"))
}

// unlessStopped goes to a label if the search is not to stop.
func (s *searcher) unlessStopped(label string) {
	MOVQ(s.inJob(jobStop), reg.RAX)
	TESTQ(reg.RAX, reg.RAX)
	JZ(LabelRef(label))
	CMPL(Mem{Base: reg.RAX}, Imm(0))
	JE(LabelRef(label))
}

// alignCode aligns to a cache line of code: with few versions, where long
// pieces of code take turns, Zen 4 is 10 to 40 % slower at some other places.
func alignCode() {
	Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []Op{Imm(64)}})
}

// giveBack emits the return.
func giveBack(vex bool) {
	if vex {
		VZEROUPPER() // otherwise SSE code is slowed by dirty upper halves
	}
	RET()
}

// walker is the loop around kernels that work on one item, a group under one
// version, at a time: from version to version, and from group to group.
type walker struct {
	searcher
	nonce, groups, version reg.GPPhysical // the job's
}

func newWalker() walker {
	return walker{searcher: newSearcher(), nonce: reg.R9, groups: reg.R10, version: reg.R11}
}

// takeUp loads the position of the search.
func (w *walker) takeUp() {
	MOVL(w.inJob(jobNonce), w.nonce.As32())
	MOVL(w.inJob(jobGroups), w.groups.As32())
	MOVL(w.inJob(jobVersion), w.version.As32())
}

// selectVersion makes states point to the next version.
func (w *walker) selectVersion() { w.versionAt(w.version, w.states) }

// leave stores the hits in RAX, and continues with the next version or group,
// or returns.
func (w *walker) leave(lanes int, vex bool) {
	TESTQ(reg.RAX, reg.RAX)
	JZ(LabelRef("next"))
	w.keepHits(reg.RBX,
		func(to reg.Register) { MOVL(w.nonce.As32(), to) },
		func(to reg.Register) { MOVL(w.version.As32(), to) })
	Label("next")
	INCL(w.version.As32())
	CMPL(w.version.As32(), w.inJob(jobVersions))
	JB(LabelRef("version"))
	XORL(w.version.As32(), w.version.As32())
	ADDL(Imm(uint64(lanes)), w.nonce.As32())
	DECL(w.groups.As32())
	JZ(LabelRef("return"))
	w.unlessStopped("group")
	Label("return")
	MOVL(w.nonce.As32(), w.inJob(jobNonce))
	MOVL(w.groups.As32(), w.inJob(jobGroups))
	MOVL(w.version.As32(), w.inJob(jobVersion))
	giveBack(vex)
}
