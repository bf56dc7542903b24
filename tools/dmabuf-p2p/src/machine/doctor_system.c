// SPDX-License-Identifier: GPL-2.0
/*
 * doctor: the kernel, its modules, the IOMMU, and what the user may do
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "doctor.h"
#include "doctor_modules.h"
#include "sysfs_file.h"
#include "text.h"
#include "units.h"

/* The first kernel whose VFIO exports dma-bufs; the framework is made for 7.3 */
#define FIRST_MAJOR 6
#define FIRST_MINOR 19

static void check_version(struct doctor *doctor)
{
	unsigned int major = 0, minor = 0;
	char release[80];

	sysfs_text(release, sizeof(release), doctor->model.root,
		   "/proc/sys/kernel/osrelease");
	if (!release[0]) {
		doctor_add(doctor, MARK_WARN, "kernel",
			   text_format("no /proc/sys/kernel/osrelease: which kernel this is cannot be seen, nor how far it trusts the CPU's host bridges"),
			   text_format("mount -t proc proc /proc"));
		return;
	}
	sscanf(release, "%u.%u", &major, &minor);
	if (major > FIRST_MAJOR ||
	    (major == FIRST_MAJOR && minor >= FIRST_MINOR))
		doctor_add(doctor, MARK_OK, "kernel",
			   text_format("Linux %s: VFIO exports dma-bufs", release),
			   NULL);
	else
		doctor_add(doctor, MARK_FAIL, "kernel",
			   text_format("Linux %s is too old: VFIO exports no dma-bufs",
				       release),
			   text_format("Boot a kernel from %u.%u on, best one of the 7.3 series with the modules of dmabuf-phys-dkms, which no kernel has by itself.",
				       FIRST_MAJOR, FIRST_MINOR));
}

/* First: where it is so, nothing else that is missing can be mended */
static void check_loading(struct doctor *doctor)
{
	const char *root = doctor->model.root;

	doctor->loads_nothing = sysfs_access(F_OK, root, "/proc/modules") &&
				sysfs_access(F_OK, root, "/dev/dma_buf_phys");
	if (doctor->loads_nothing)
		doctor_add(doctor, MARK_WARN, "module-config",
			   text_format("this kernel loads no modules: it lacks CONFIG_MODULES"),
			   text_format("Boot one that does, such as Debian's of the " MODULES_SERIES " series, for which there is dmabuf-phys-dkms, or one that tools/kernel builds."));
}

/* What to do about something that a module brings */
static char *load(const struct doctor *doctor, const char *remedy)
{
	return text_format("%s", doctor->loads_nothing ?
			   "Boot a kernel that loads modules." : remedy);
}

static void check_framework(struct doctor *doctor)
{
	const char *root = doctor->model.root;
	int ret = sysfs_access(R_OK | W_OK, root, "/dev/dma_buf_phys");

	if (!ret)
		doctor_add(doctor, MARK_OK, "framework",
			   text_format("physical lists: /dev/dma_buf_phys is there"),
			   NULL);
	else if (ret == -EACCES || ret == -EPERM)
		doctor_add(doctor, MARK_WARN, "framework",
			   text_format("physical lists: /dev/dma_buf_phys may not be opened"),
			   text_format("chmod 666 /dev/dma_buf_phys: it answers only about dma-bufs that the caller has."));
	else if (!sysfs_access(F_OK, root, "/sys/module/dma_buf_phys"))
		doctor_add(doctor, MARK_WARN, "framework",
			   text_format("physical lists: the module is loaded, but there is no /dev/dma_buf_phys"),
			   text_format("Update the kernel: info, watch and routes need a later one."));
	else
		doctor_add(doctor, MARK_WARN, "framework",
			   text_format("physical lists: no /dev/dma_buf_phys; without them a dma-buf of more than one range reaches few devices"),
			   load(doctor, "modprobe dma-buf-phys; what is said of modules tells why there may be none."));
}

static void check_vfio(struct doctor *doctor)
{
	const char *root = doctor->model.root;

	if (sysfs_access(F_OK, root, "/sys/bus/pci/drivers/vfio-pci")) {
		doctor_add(doctor, MARK_FAIL, "vfio-pci",
			   text_format("the driver vfio-pci is not there"),
			   load(doctor, "modprobe vfio-pci."));
		return;
	}
	doctor_add(doctor, MARK_OK, "vfio-pci",
		   text_format("the driver vfio-pci is there"), NULL);
}

void doctor_kernel(struct doctor *doctor)
{
	check_version(doctor);
	check_loading(doctor);
	check_framework(doctor);
	check_vfio(doctor);
}

void doctor_iommu(struct doctor *doctor)
{
	char **names = sysfs_list(doctor->model.root, "/sys/class/iommu");
	char *text = text_format("%s", ""), *longer;
	size_t i;

	for (i = 0; names[i]; i++) {
		longer = text_format("%s%s%s", text, i ? " " : "", names[i]);
		free(text);
		text = longer;
	}
	if (names[0])
		doctor_add(doctor, MARK_OK, "iommu",
			   text_format("IOMMU: %s", text), NULL);
	else
		doctor_add(doctor, MARK_WARN, "iommu",
			   text_format("no IOMMU: VFIO opens devices in its unsafe mode only, iommufd maps nothing"),
			   text_format("Switch VT-d or AMD-Vi on in the firmware; with an Intel CPU boot with intel_iommu=on."));
	free(text);
	sysfs_list_free(names);
}

static void check_iommufd(struct doctor *doctor)
{
	const char *root = doctor->model.root;
	int ret = sysfs_access(R_OK | W_OK, root, "/dev/iommu");

	if (!ret)
		doctor_add(doctor, MARK_OK, "iommufd",
			   text_format("/dev/iommu may be opened"), NULL);
	else if (ret == -EACCES || ret == -EPERM)
		doctor_add(doctor, MARK_FAIL, "iommufd",
			   text_format("/dev/iommu may not be opened"),
			   text_format("Run this as root, or let a group in by a udev rule: KERNEL==\"iommu\", GROUP=\"vfio\", MODE=\"0660\"."));
	else
		doctor_add(doctor, MARK_FAIL, "iommufd",
			   text_format("no /dev/iommu"),
			   load(doctor, "modprobe iommufd. Stock kernels may lack it: dmabuf-phys has it."));
}

static void check_vfio_devices(struct doctor *doctor)
{
	const char *root = doctor->model.root;
	char **names = sysfs_list(root, "/dev/vfio/devices");
	size_t i, refused = 0, nr_bound = 0;

	for (i = 0; i < doctor->model.nr_devices; i++)
		if (!strcmp(doctor->model.devices[i].driver, "vfio-pci"))
			nr_bound++;
	for (i = 0; names[i]; i++)
		if (sysfs_access(R_OK | W_OK, root, "/dev/vfio/devices/%s",
				 names[i]))
			refused++;
	if (refused)
		doctor_add(doctor, MARK_FAIL, "vfio-permissions",
			   text_format("%zu of %zu devices in /dev/vfio/devices may not be opened",
				       refused, i),
			   text_format("Run this as root, or let a group in by a udev rule: SUBSYSTEM==\"vfio-dev\", GROUP=\"vfio\", MODE=\"0660\"."));
	else if (!i && nr_bound && !root[0])
		doctor_add(doctor, MARK_FAIL, "vfio-permissions",
			   text_format("/dev/vfio/devices has no file for devices that are bound to vfio-pci"),
			   text_format("This kernel's VFIO lacks CONFIG_VFIO_DEVICE_CDEV: dmabuf-phys has one with it."));
	else if (i)
		doctor_add(doctor, MARK_OK, "vfio-permissions",
			   text_format("%zu device%s in /dev/vfio/devices may be opened",
				       i, i == 1 ? "" : "s"), NULL);
	sysfs_list_free(names);
}

static void check_binding(struct doctor *doctor)
{
	int ret = sysfs_access(W_OK, doctor->model.root,
			       "/sys/bus/pci/drivers/vfio-pci/bind");

	/* There is no such driver, and that has been told */
	if (ret == -ENOENT)
		return;
	if (ret)
		doctor_add(doctor, MARK_WARN, "binding",
			   text_format("this user may not bind devices to vfio-pci"),
			   text_format("Run export, copy and bench as root, or bind devices beforehand."));
	else
		doctor_add(doctor, MARK_OK, "binding",
			   text_format("this user may bind devices to vfio-pci"),
			   NULL);
}

/*
 * Root may have been left without that right, and the kernel asks for the one of its
 * first user namespace, which always has that number
 */
static bool may_lock_all(void)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	char namespace[32];

	return sysfs_link(namespace, sizeof(namespace), "", "/proc/self/ns/user") &&
	       !strcmp(namespace, "user:[4026531837]") &&
	       !syscall(SYS_capget, &head, data) &&
	       data[0].effective & 1u << CAP_IPC_LOCK;
}

static void check_memlock(struct doctor *doctor)
{
	char text[UNITS_TEXT];
	struct rlimit limit;

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur == RLIM_INFINITY || may_lock_all())
		doctor_add(doctor, MARK_OK, "memlock",
			   text_format("memory may be locked without limit"), NULL);
	else
		doctor_add(doctor, MARK_WARN, "memlock",
			   text_format("at most %s of memory may be locked; what devices reach of the host's memory is",
				       format_size(limit.rlim_cur, text)),
			   text_format("Raise it: ulimit -l unlimited, or 'memlock' in /etc/security/limits.conf. BARs do not count."));
}

void doctor_permissions(struct doctor *doctor)
{
	check_iommufd(doctor);
	check_vfio_devices(doctor);
	/* Of a copy nobody can tell what its users might do */
	if (doctor->model.root[0])
		return;
	check_binding(doctor);
	check_memlock(doctor);
}
