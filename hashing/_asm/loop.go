package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file is what every kernel does around the hashing: it enters, goes from
// version to version and from group to group, and returns.

// declare begins the assembly function of a kernel.
func declare(name, kernel string) {
	TEXT(name, 0, "func(job *uint32) (mask uint64)")
	Doc(name+" is the kernel "+kernel+". It searches groups of nonces until there are none left,",
		"which gives a mask of 0, or until a group has a hit under one version: then job says",
		"which, and bit i of the mask stands for its nonce+i. The argument is the job's first word.")
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

// takeUp loads where the search stands, for leave.
func (s *searcher) takeUp() {
	MOVL(s.inJob(jobNonce), s.nonce.As32())
	MOVL(s.inJob(jobGroups), s.groups.As32())
	MOVL(s.inJob(jobVersion), s.version.As32())
}

// selectVersion makes states point to the version that is next.
func (s *searcher) selectVersion() { s.versionAt(s.version, s.states) }

// versionAt makes states point to a version.
func (s *searcher) versionAt(version, states reg.GPPhysical) {
	LEAQ(Mem{Base: version, Index: version, Scale: 4}, states)
	SHLQ(Imm(4), states) // 5 * 16 = versionSize
	LEAQ(Mem{Base: s.job, Index: states, Scale: 1, Disp: jobStates}, states)
}

// giveBack returns RAX as the mask.
func giveBack(vex bool) {
	Store(reg.RAX, ReturnIndex(0))
	if vex {
		VZEROUPPER() // else code with SSE pays for dirty upper halves
	}
	RET()
}

// leave is the end of the loop of kernels that work on one item at a time: it
// returns if RAX has hits, or goes on to the next version or group.
func (s *searcher) leave(lanes int, vex bool) {
	TESTQ(reg.RAX, reg.RAX)
	JNZ(LabelRef("return"))
	INCL(s.version.As32())
	CMPL(s.version.As32(), s.inJob(jobVersions))
	JB(LabelRef("version"))
	XORL(s.version.As32(), s.version.As32())
	ADDL(Imm(uint64(lanes)), s.nonce.As32())
	DECL(s.groups.As32())
	JNZ(LabelRef("group"))
	Label("return")
	MOVL(s.nonce.As32(), s.inJob(jobNonce))
	MOVL(s.groups.As32(), s.inJob(jobGroups))
	MOVL(s.version.As32(), s.inJob(jobVersion))
	giveBack(vex)
}
