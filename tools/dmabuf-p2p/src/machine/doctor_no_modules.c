// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: why a kernel has none of our modules
 *
 * Its configuration rules them out, or DKMS has not built them, or nobody has
 * installed them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "doctor.h"
#include "doctor_modules.h"
#include "regular_file.h"
#include "sysfs_file.h"
#include "text.h"

/*
 * What packaging/dkms/build asks for as well. What is built in cannot be replaced, and
 * what a stock kernel lacks and comes with us must not be there.
 */
static const struct {
	const char *name;
	const char *values;
	bool is_kvm;
} options[] = {
	{ "DMA_SHARED_BUFFER", "y" },
	{ MODULES_UNGUARDED, "n" },
	{ "PCI_P2PDMA", "y" },
	{ "VFIO", "m" },
	{ "VFIO_IOMMU_TYPE1", "m" },
	{ "VFIO_PCI", "m" },
	{ "VFIO_PCI_CORE", "m" },
	{ "VFIO_PCI_DMABUF", "y" },
	{ "IOMMUFD", "n" },
	{ "INFINIBAND_USER_ACCESS", "my" },
	{ "KVM", "m", true },
	{ "KVM_AMD", "m", true },
	{ "KVM_INTEL", "m", true },
	{ "KVM_GUEST_MEMFD", "y", true },
};

bool no_modules_config(struct doctor *doctor, const struct modules *modules,
		       bool is_kvm)
{
	char *list = text_format("%s", ""), value;
	bool found;
	size_t i;

	for (i = 0; modules->config.text && i < ARRAY_SIZE(options); i++) {
		value = kernel_config_value(&modules->config, options[i].name);
		if (options[i].is_kvm != is_kvm ||
		    strchr(options[i].values, value))
			continue;
		list = text_join(list, ", ",
				 text_format("CONFIG_%s=%c", options[i].name,
					     value));
	}
	found = *list;
	if (found)
		doctor_add(doctor, MARK_WARN, "module-config",
			   text_format("dmabuf-phys cannot build %s for this kernel: it has %s",
				       is_kvm ? "KVM" : "modules",
				       list),
			   text_format("Boot a kernel of Debian's " MODULES_SERIES " series, or one that tools/kernel builds."));
	free(list);
	return found;
}

/*
 * Why there is a log of a build that is for this kernel. packaging/dkms/build writes
 * "dmabuf-phys: KERNEL keeps its own modules: CAUSE" when it gives up.
 *
 * Return: the cause, to be freed, "" if it is not clear; NULL if there is no such log.
 */
static char *cause_in_log(const struct modules *modules, const char *package,
			  const char *version)
{
	char *path = text_format("%s/var/lib/dkms/%s/%s/build/make.log",
				 modules->root, package, version);
	char *kernel = text_format(" for kernel %s ", modules->release);
	FILE *file = regular_open(path, NULL);
	char *line = NULL, *found, *cause = NULL;
	size_t size = 0;

	if (file && getline(&line, &size, file) > 0 && strstr(line, kernel))
		cause = text_format("%s", "");
	/* The first error is the cause of those behind it */
	while (cause && !*cause && getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		found = strstr(line, " keeps its own modules: ");
		if (found)
			found += strlen(" keeps its own modules: ");
		else if (strstr(line, "error: ") || strstr(line, "ERROR: "))
			found = line;
		if (found) {
			free(cause);
			cause = text_format("%.300s", found);
		}
	}
	free(line);
	if (file)
		fclose(file);
	free(kernel);
	free(path);
	return cause;
}

/* DKMS has it; as far as what */
static void tell_dkms(struct doctor *doctor, const struct modules *modules,
		      const char *package, const char *version)
{
	const char *root = modules->root, *release = modules->release;
	char *cause = cause_in_log(modules, package, version);
	char *remedy = text_format("dkms install %s/%s -k %s.", package,
				   version, release);
	bool has_headers = !sysfs_access(0, root, "/lib/modules/%s/build",
					 release);
	char **arch = sysfs_list(root, "/var/lib/dkms/%s/%s/%s", package,
				 version, release);

	if (arch[0]) {
		doctor_add(doctor, MARK_WARN, "module-dkms",
			   text_format("DKMS has built %s %s for this kernel, but not installed it",
				       package, version), remedy);
	} else if (cause) {
		doctor_add(doctor, MARK_WARN, "module-dkms",
			   text_format("DKMS could not build %s %s for this kernel%s%s",
				       package, version, *cause ? ": " : "",
				       cause),
			   text_format("/var/lib/dkms/%s/%s/build/make.log has all of it. Then: %s",
				       package, version, remedy));
		free(remedy);
	} else {
		doctor_add(doctor, MARK_WARN, "module-dkms",
			   text_format("DKMS has %s %s, but not built it for this kernel%s",
				       package, version, has_headers ? "" :
				       ", whose headers are missing"),
			   has_headers ? text_format("%s", remedy) :
			   text_format("apt install linux-headers-%s. Then: %s",
				       release, remedy));
		free(remedy);
	}
	sysfs_list_free(arch);
	free(cause);
}

bool no_modules_dkms(struct doctor *doctor, const struct modules *modules,
		     bool is_kvm)
{
	const char *package = is_kvm ? "kvm-dmabuf-phys" : "dmabuf-phys";
	char **versions = sysfs_list(modules->root, "/var/lib/dkms/%s", package);
	const char *newest = NULL;
	size_t i;

	/* Beside them are links named kernel-..., of what is installed */
	for (i = 0; versions[i]; i++)
		if (!sysfs_access(0, modules->root, "/var/lib/dkms/%s/%s/source",
				  package, versions[i]))
			newest = versions[i];
	if (newest)
		tell_dkms(doctor, modules, package, newest);
	sysfs_list_free(versions);
	return newest;
}

void no_modules_missing(struct doctor *doctor, const struct modules *modules,
			bool is_debian, const char *names)
{
	bool is_made_for = is_debian &&
			   !strncmp(modules->release, MODULES_SERIES ".",
				    strlen(MODULES_SERIES "."));

	doctor_add(doctor, MARK_WARN, "module-none",
		   names ?
		   text_format("dmabuf-phys has not installed for this kernel: %s", names) :
		   text_format("no module of dmabuf-phys is installed for this kernel"),
		   is_made_for ?
		   text_format("apt install dmabuf-phys-dkms linux-headers-%s, or boot a kernel that tools/kernel builds.",
			       modules->release) :
		   text_format("Boot a kernel of Debian's " MODULES_SERIES " series and install dmabuf-phys-dkms, or boot one that tools/kernel builds."));
}
