// Package bitcoin has the parts of the Bitcoin protocol that a miner needs besides
// hashing: addresses and their scripts, coinbase transactions and the height in
// them. It reads bytes and text, and imports no other package of quarry.
package bitcoin
