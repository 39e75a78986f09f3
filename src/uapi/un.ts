/** sys/un.h: addresses of AF_UNIX. */
export const sockaddr_un = { sizeof: 110, sun_family: 0, sun_path: 2 } as const;
