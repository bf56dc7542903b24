/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DOCTOR_MODULES_H
#define DOCTOR_MODULES_H

#include <stdbool.h>

#include "doctor.h"
#include "modules.h"

/* The kernels that patches/ is for */
#define MODULES_SERIES "7.3"

/* With it what the namespace of our exports should refuse is loaded, with a warning */
#define MODULES_UNGUARDED "MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS"

/*
 * Why modules are not there: each looks for one cause, tells it if that is it, and
 * returns whether it was.
 */

/** no_modules_config - the kernel's configuration rules them out; KVM's by themselves */
bool no_modules_config(struct doctor *doctor, const struct modules *modules,
		       bool is_kvm);

/** no_modules_dkms - DKMS has the package, but has not installed it */
bool no_modules_dkms(struct doctor *doctor, const struct modules *modules,
		     bool is_kvm);

/**
 * no_modules_missing - nobody has installed them
 * @is_debian: the kernel is a package of Debian's, for which alone they can be built
 * @names: of them; NULL for all
 */
void no_modules_missing(struct doctor *doctor, const struct modules *modules,
			bool is_debian, const char *names);

/** doctor_foreign - modules of others beside our VFIO, and whether they are refused */
void doctor_foreign(struct doctor *doctor, const struct modules *modules);

#endif /* DOCTOR_MODULES_H */
