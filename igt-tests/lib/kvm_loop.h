/* SPDX-License-Identifier: MIT */
#ifndef LIB_KVM_LOOP_H
#define LIB_KVM_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm.h"

/**
 * struct vcpu_loop - a thread whose vCPU stores words as fast as it can
 * @vcpu: the vCPU; nobody else runs it until vcpu_loop_stop()
 * @gpa: start of the range it writes to
 * @words: that the range has room for, @stride bytes apart
 * @stride: bytes
 * @flags: that its faults must have; set before the start, like @any_flags
 * @any_flags: they may have any
 * @thread: it, if @running
 * @running: between vcpu_loop_start() and vcpu_loop_stop()
 * @stop: asks it to end
 * @faults: how many it ran into; it repeats KVM_RUN until the access succeeds
 * @odd: the first fault that was not in the range, of a page or of @flags
 * @nr_odd: how many there were
 * @over: it came back with something other than a fault
 *
 * Store n, of the value of vcpu_loop_word(n), goes to word n modulo @words. The
 * count in the mailbox is of stores that are done, so once it has stopped, what
 * every word must be is known exactly.
 */
struct vcpu_loop {
	struct vcpu *vcpu;
	uint64_t gpa;
	uint64_t words;
	uint64_t stride;
	uint64_t flags;
	bool any_flags;
	pthread_t thread;
	bool running;
	bool stop;
	unsigned long faults;
	struct vcpu_fault odd;
	unsigned long nr_odd;
	bool over;
};

/** vcpu_loop_word - value of the n-th store, n = 0, 1, ... */
uint64_t vcpu_loop_word(uint64_t n);

/** vcpu_loop_start - start the thread and wait until its guest writes */
void vcpu_loop_start(struct vcpu_loop *loop, struct vcpu *vcpu, uint64_t gpa,
		     uint64_t words, uint64_t stride);

/** __vcpu_loop_start - start the thread; Return: 0 or -errno */
int __vcpu_loop_start(struct vcpu_loop *loop, struct vcpu *vcpu, uint64_t gpa,
		      uint64_t words, uint64_t stride);

/** vcpu_loop_done - how many stores are done */
uint64_t vcpu_loop_done(const struct vcpu_loop *loop);

/** vcpu_loop_faults - how many faults there were */
unsigned long vcpu_loop_faults(const struct vcpu_loop *loop);

/** vcpu_loop_wait_done - wait until there were some more stores, or fail */
void vcpu_loop_wait_done(struct vcpu_loop *loop);

/**
 * vcpu_loop_expect_stuck - fail the test unless the guest does nothing but fault
 * @loop: its range cannot be reached
 */
void vcpu_loop_expect_stuck(struct vcpu_loop *loop);

/**
 * vcpu_loop_stop - end the thread, whatever its guest does
 * @loop: the loop
 *
 * Ends the whole program if the thread does not come back, and fails the test if
 * it came back for any reason but a proper fault.
 */
void vcpu_loop_stop(struct vcpu_loop *loop);

/** vcpu_loop_expected - what a word of the range must be once it has stopped */
uint64_t vcpu_loop_expected(const struct vcpu_loop *loop, uint64_t word);

/**
 * vcpu_loop_compare - compare memory with what a stopped loop has stored
 * @loop: the loop, which has been around the range at least once
 * @memory: the range, as the host sees it
 */
void vcpu_loop_compare(const struct vcpu_loop *loop, const void *memory);

#define GUEST_MAX_VCPUS 2

/**
 * struct guest - a VM with its vCPUs, and what they do in the background
 * @vmm: the VM
 * @vcpu: its vCPUs
 * @loop: one for each
 * @nr: how many there are
 * @open: whether there is a VM; zeroed memory is a guest that is not
 */
struct guest {
	struct vmm vmm;
	struct vcpu vcpu[GUEST_MAX_VCPUS];
	struct vcpu_loop loop[GUEST_MAX_VCPUS];
	unsigned int nr;
	bool open;
};

/**
 * guest_open - make a new VM, in place of the one that a failed test left
 * @guest: filled in
 * @type: %KVM_X86_DEFAULT_VM or %KVM_X86_SW_PROTECTED_VM
 * @nr: how many vCPUs, at most %GUEST_MAX_VCPUS
 */
void guest_open(struct guest *guest, unsigned long type, unsigned int nr);
int __guest_open(struct guest *guest, unsigned long type, unsigned int nr);

/** guest_close - end its loops and destroy it; harmless if closed already */
void guest_close(struct guest *guest);

#endif /* LIB_KVM_LOOP_H */
