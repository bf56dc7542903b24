// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: modules of others that would use our VFIO
 */
#include <stdlib.h>
#include <string.h>

#include "doctor.h"
#include "doctor_modules.h"
#include "sysfs_file.h"
#include "text.h"

struct foreign {
	const struct modules *modules;
	char *loaded;
	char *installed;	/* on purpose: not with the kernel */
	char *kernels;
};

static void take_foreign(const char *name, const char *path, void *arg)
{
	struct foreign *foreign = arg;
	const struct modules *modules = foreign->modules;
	char **list = &foreign->installed;
	size_t i;

	/* The kernel's own in place of ours were told already */
	for (i = 0; i < modules->nr; i++)
		if (!strcmp(modules->list[i].sysfs, name))
			return;
	if (modules->is_running &&
	    !sysfs_access(0, modules->root, "/sys/module/%s", name))
		list = &foreign->loaded;
	else if (!strncmp(path, "kernel/", 7))
		list = &foreign->kernels;
	*list = text_join(*list, " ", text_format("%s", name));
}

static void warn_foreign(struct doctor *doctor, const char *state,
			 const char *names)
{
	if (*names)
		doctor_add(doctor, MARK_WARN, "module-foreign",
			   text_format("%s, but refused beside the VFIO of dmabuf-phys, which has other structures: %s",
				       state, names),
			   text_format("Do without them, or without dmabuf-phys: apt remove dmabuf-phys-dkms."));
}

static void tell_kernels_others(struct doctor *doctor,
				const struct modules *modules,
				const char *names)
{
	if (*names)
		doctor_add(doctor, MARK_OK, "module-foreign",
			   text_format("%srefused beside the VFIO of dmabuf-phys: %s",
				       modules->is_running ? "not loaded, and " :
							     "",
				       names), NULL);
}

static bool has_our_vfio(const struct modules *modules)
{
	size_t i;

	for (i = 0; i < modules->nr; i++)
		if (!strncmp(modules->list[i].name, "vfio", 4) &&
		    (modules_is_ours(modules->list[i].file.version) ||
		     modules_is_ours(modules->list[i].loaded_version)))
			return true;
	return false;
}

/* DKMS builds nothing for such a kernel, but modules may be prebuilt */
static bool check_guard(struct doctor *doctor, const struct foreign *foreign)
{
	const struct modules *modules = foreign->modules;
	char *names;

	if (!has_our_vfio(modules) || !modules->config.text ||
	    kernel_config_value(&modules->config, MODULES_UNGUARDED) != 'y')
		return true;
	names = text_format("%s", foreign->loaded);
	names = text_join(names, " ", text_format("%s", foreign->installed));
	names = text_join(names, " ", text_format("%s", foreign->kernels));
	doctor_add(doctor, *foreign->loaded ? MARK_FAIL : MARK_WARN,
		   "module-config",
		   text_format("this kernel loads modules of others, and its own, beside the VFIO of dmabuf-phys, which has other structures: it has CONFIG_"
			       MODULES_UNGUARDED "=y%s%s",
			       *names ? ". There are " : "", names),
		   text_format("Boot a kernel without that option, or do without dmabuf-phys: apt remove dmabuf-phys-dkms."));
	free(names);
	return false;
}

/* Built with the kernel's own structures: the namespace of our exports refuses them */
void doctor_foreign(struct doctor *doctor, const struct modules *modules)
{
	struct foreign foreign = { modules, text_format("%s", ""),
				   text_format("%s", ""), text_format("%s", "") };

	modules_foreign(modules, take_foreign, &foreign);
	if (check_guard(doctor, &foreign)) {
		warn_foreign(doctor, "loaded", foreign.loaded);
		warn_foreign(doctor, "installed", foreign.installed);
		tell_kernels_others(doctor, modules, foreign.kernels);
	}
	free(foreign.loaded);
	free(foreign.installed);
	free(foreign.kernels);
}
