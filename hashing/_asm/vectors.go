package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors are SIMD registers of 32-bit words, one lane in each word, and the
// operations of SHA-256 on them. There are three instruction sets:
//
//	sse2    xmm, 4 lanes; the result replaces an operand
//	avx2    ymm, 8 lanes
//	avx512  xmm, ymm or zmm, 32 registers, rotations, functions of three operands,
//	        and memory operands of one word for all lanes
//
// Everything that kernels do with vectors uses these operations, so that the
// instruction sets differ only here.
type vectors struct {
	set    string // "sse2", "avx2", "avx512"
	bytes  int    // of a register
	memory memory
	// ternary makes functions of three operands with VPTERNLOGD, which avx512
	// has. It is one instruction instead of two or three, but see shani_avx512.go.
	ternary bool
}

func (v *vectors) lanes() int { return v.bytes / 4 }

func (v *vectors) withTernary(ternary bool) *vectors {
	w := *v
	w.ternary = ternary
	return &w
}

// r is register i, x its lowest 16 bytes, y its lowest 32.
func (v *vectors) r(i int) reg.VecPhysical {
	switch v.bytes {
	case 32:
		return v.y(i)
	case 64:
		return v.x(i).AsZ().(reg.VecPhysical)
	}
	return v.x(i)
}

func (v *vectors) y(i int) reg.VecPhysical { return v.x(i).AsY().(reg.VecPhysical) }

func (v *vectors) x(i int) reg.VecPhysical {
	return [...]reg.VecPhysical{
		reg.X0, reg.X1, reg.X2, reg.X3, reg.X4, reg.X5, reg.X6, reg.X7, reg.X8, reg.X9, reg.X10, reg.X11, reg.X12, reg.X13, reg.X14, reg.X15,
		reg.X16, reg.X17, reg.X18, reg.X19, reg.X20, reg.X21, reg.X22, reg.X23, reg.X24, reg.X25, reg.X26, reg.X27, reg.X28, reg.X29, reg.X30, reg.X31,
	}[i]
}

// move copies between registers and memory.
func (v *vectors) move(from, to Op) {
	switch v.set {
	case "sse2":
		MOVO(from, to)
	case "avx2":
		VMOVDQA(from, to)
	default:
		VMOVDQA32(from, to)
	}
}

// add is to = x + y; y may be in memory, on a boundary of its own size.
func (v *vectors) add(y Op, x, to reg.Register) {
	if v.set != "sse2" {
		VPADDD(y, x, to)
		return
	}
	if y == Op(to) {
		PADDL(x, to)
		return
	}
	v.copyTo(x, to)
	PADDL(y, to)
}

func (v *vectors) copyTo(from, to reg.Register) {
	if from != to {
		v.move(from, to)
	}
}

// xor is to = x ^ y.
func (v *vectors) xor(y Op, x, to reg.Register) {
	switch {
	case v.set == "avx512":
		VPXORD(y, x, to)
	case v.set != "sse2":
		VPXOR(y, x, to)
	case y == Op(to):
		PXOR(x, to)
	default:
		v.copyTo(x, to)
		PXOR(y, to)
	}
}

// and is to = x & y.
func (v *vectors) and(y, x, to reg.Register) {
	switch {
	case v.set == "avx512":
		VPANDD(y, x, to)
	case v.set != "sse2":
		VPAND(y, x, to)
	case y == to:
		PAND(x, to)
	default:
		v.copyTo(x, to)
		PAND(y, to)
	}
}

func (v *vectors) shiftRight(n int, x, to reg.Register) {
	if v.set != "sse2" {
		VPSRLD(Imm(uint64(n)), x, to)
		return
	}
	v.copyTo(x, to)
	PSRLL(Imm(uint64(n)), to)
}

func (v *vectors) shiftLeft(n int, x, to reg.Register) {
	if v.set != "sse2" {
		VPSLLD(Imm(uint64(n)), x, to)
		return
	}
	v.copyTo(x, to)
	PSLLL(Imm(uint64(n)), to)
}

// broadcast fills to with the word at from.
func (v *vectors) broadcast(from Mem, to reg.Register) {
	if v.set != "sse2" {
		VPBROADCASTD(from, to)
		return
	}
	MOVD(from, to)
	PSHUFD(Imm(0), to, to)
}

// addWord is to = x + the word at y in each lane. The scratch register is
// used where memory operands are whole vectors; it must be neither x nor to.
func (v *vectors) addWord(y Mem, x, to, scratch reg.Register) {
	if v.set == "avx512" {
		VPADDD_BCST(y, x, to)
		return
	}
	v.broadcast(y, scratch)
	v.add(scratch, x, to)
}

// table is read-only memory of words that kernels add to all lanes. Only
// avx512 can add one word to all lanes, so for the others each word is stored 8
// times.
type table struct {
	memory memory
	name   string
	values []uint32 // as they lie in memory
	stride int      // bytes from one entry to the next
}

func (v *vectors) table(name string, values ...uint32) table {
	if v.set == "avx512" {
		return table{v.memory, name, values, 4}
	}
	var all []uint32
	for _, value := range values {
		all = append(all, repeat(8, value)...)
	}
	return table{v.memory, name, all, 32}
}

func (t table) at(i int) Mem { return t.memory.words(t.name, t.values...).Offset(t.stride * i) }

func repeat(n int, values ...uint32) (all []uint32) {
	for range n {
		all = append(all, values...)
	}
	return all
}

// addConstant is to = x + an entry of a table.
func (v *vectors) addConstant(y Mem, x, to reg.Register) {
	if v.set == "avx512" {
		VPADDD_BCST(y, x, to)
		return
	}
	v.add(y, x, to)
}

// loadConstant fills to with an entry of a table.
func (v *vectors) loadConstant(y Mem, to reg.Register) {
	if v.set == "avx512" {
		VPBROADCASTD(y, to)
		return
	}
	v.move(y, to)
}

// Immediates of VPTERNLOGD: the truth tables of functions of three operands,
// for its operands in the order (destination, second, first).
const (
	ternaryXor      = 0x96 // x ^ y ^ z
	ternaryChoose   = 0xca // x ? y : z
	ternaryMajority = 0xe8
)

// sigma is to = f(x) for one of the four sigma functions of FIPS 180-4,
// section 4.1.2: the exclusive or of x rotated right by a, rotated by b, and
// rotated by c or, for the small ones, shifted right by c. x stays as it is;
// to, t and u are other registers.
func (v *vectors) sigma(a, b, c int, small bool, x, to, t, u reg.Register) {
	if v.set == "avx512" {
		VPRORD(Imm(uint64(a)), x, t)
		VPRORD(Imm(uint64(b)), x, u)
		if small {
			VPSRLD(Imm(uint64(c)), x, to)
		} else {
			VPRORD(Imm(uint64(c)), x, to)
		}
		if v.ternary {
			VPTERNLOGD(Imm(ternaryXor), t, u, to)
			return
		}
		v.xor(t, u, t)
		v.xor(t, to, to)
		return
	}
	// The halves of the rotations in a tree of exclusive ors: latency counts.
	v.shiftRight(a, x, t)
	v.shiftLeft(32-a, x, u)
	v.xor(u, t, t)
	v.shiftRight(b, x, u)
	v.shiftLeft(32-b, x, to)
	v.xor(to, u, u)
	v.xor(u, t, t)
	v.shiftRight(c, x, u)
	if !small {
		v.shiftLeft(32-c, x, to)
		v.xor(to, u, u)
	}
	v.xor(u, t, to)
}

func (v *vectors) bigSigma0(x, to, t, u reg.Register)   { v.sigma(2, 13, 22, false, x, to, t, u) }
func (v *vectors) bigSigma1(x, to, t, u reg.Register)   { v.sigma(6, 11, 25, false, x, to, t, u) }
func (v *vectors) smallSigma0(x, to, t, u reg.Register) { v.sigma(7, 18, 3, true, x, to, t, u) }
func (v *vectors) smallSigma1(x, to, t, u reg.Register) { v.sigma(17, 19, 10, true, x, to, t, u) }

// choose is to = e ? f : g.
func (v *vectors) choose(e, f, g, to reg.Register) {
	if v.ternary {
		v.move(e, to)
		VPTERNLOGD(Imm(ternaryChoose), g, f, to)
		return
	}
	v.xor(f, g, to)
	v.and(e, to, to)
	v.xor(g, to, to)
}

// majority is to = the majority of a, b and c. Without functions of three
// operands that is b ^ ((a ^ b) & (b ^ c)), where bc = b ^ c comes from the
// round before; ab becomes a ^ b for the next one. Kernels with avx512 have no
// register to keep it in: there it is c & (a ^ b) ^ a & b, and ab is scratch.
func (v *vectors) majority(a, b, c, bc, to, ab reg.Register) {
	switch {
	case v.ternary:
		v.move(a, to)
		VPTERNLOGD(Imm(ternaryMajority), c, b, to)
	case v.set == "avx512":
		v.xor(b, a, to)
		v.and(c, to, to)
		v.and(b, a, ab)
		v.xor(ab, to, to)
	default:
		v.xor(b, a, ab)
		v.and(ab, bc, to)
		v.xor(b, to, to)
	}
}
