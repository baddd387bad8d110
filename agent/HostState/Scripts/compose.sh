# project service container state status directory
[ -z "$engine" ] || brief $engine ps -a --filter label=com.docker.compose.project --format \
    '{{.Label "com.docker.compose.project"}}\t{{.Label "com.docker.compose.service"}}\t{{.Names}}\t{{.State}}\t{{.Status}}\t{{.Label "com.docker.compose.project.working_dir"}}' \
    2>/dev/null | sort
