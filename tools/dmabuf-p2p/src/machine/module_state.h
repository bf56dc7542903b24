/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MODULE_STATE_H
#define MODULE_STATE_H

#include "module_signature.h"
#include "modules.h"

/**
 * enum module_state - what can be said of one of our modules
 * @STATE_KERNELS: part of a kernel that was built from our source
 * @STATE_BUILTIN: in the image of any other kernel
 * @STATE_NONE: no file of ours
 * @STATE_PASSED_OVER: modprobe would take another one than ours
 * @STATE_OTHER: neither ours nor the kernel's
 * @STATE_SOURCE: ours, for another build of the kernel
 * @STATE_UNSIGNED: ours, would be refused: it has no signature
 * @STATE_KEY: ours, would be refused: the kernel lacks the signer's certificate
 * @STATE_KEY_UNKNOWN: ours; only root can see whether it would be refused
 * @STATE_COMMAND: modprobe.d has a command in place of loading it
 * @STATE_BLACKLISTED: modprobe.d keeps it from being loaded by itself
 * @STATE_REPLACED: ours is installed, and the kernel's own is loaded
 * @STATE_OLDER: another build of ours is loaded than is installed
 * @STATE_LOADED: ours is loaded
 * @STATE_READY: ours, and nothing keeps it from being loaded
 *
 * Of those that apply to a file a module is in the first: it is of no use to load what
 * would be refused. If ours is loaded, its file matters for @STATE_OLDER only.
 */
enum module_state {
	STATE_KERNELS,
	STATE_BUILTIN,
	STATE_NONE,
	STATE_PASSED_OVER,
	STATE_OTHER,
	STATE_SOURCE,
	STATE_UNSIGNED,
	STATE_KEY,
	STATE_KEY_UNKNOWN,
	STATE_COMMAND,
	STATE_BLACKLISTED,
	STATE_REPLACED,
	STATE_OLDER,
	STATE_LOADED,
	STATE_READY,
};

/**
 * struct module_review - all modules, and what was found of them
 * @modules: what there is
 * @signing: what the kernel demands of them
 * @package: version of the Debian package that the kernel is from; empty if unknown
 * @image_package: that of its boot image, which an upgrade may have replaced; likewise
 * @image_fault: what keeps that image from being read; NULL if nothing does
 * @states: of each of @modules
 */
struct module_review {
	struct modules modules;
	struct signing signing;
	char package[80];
	char image_package[80];
	char *image_fault;
	enum module_state *states;
};

/** review_read - judge all modules for a kernel; see modules_read() for @release */
void review_read(struct module_review *review, const struct pci_model *model,
		 const char *release);
void review_free(struct module_review *review);

/** review_first - the first module in a state; NULL if there is none */
const struct module *review_first(const struct module_review *review,
				  enum module_state state);

/** review_names - "vfio vfio-pci", all in a state; to be freed; NULL if there are none */
char *review_names(const struct module_review *review, enum module_state state);

#endif /* MODULE_STATE_H */
