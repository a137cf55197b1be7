"""Prints what `sam local invoke` would set for each function: its own resolution, run by SAM's own Python.

Arguments: the template, and the file that `--env-vars` names. Output: {logical id: {variables, architectures}} as JSON.
"""

import json
import sys
from pathlib import Path

from samcli.commands.local.lib.local_lambda import LocalLambdaRunner
from samcli.lib.providers.sam_function_provider import SamFunctionProvider
from samcli.lib.providers.sam_stack_provider import SamLocalStackProvider

template, variables = sys.argv[1:]
stacks, _ = SamLocalStackProvider.get_stacks(template, parameter_overrides={"FunctionArchitecture": "x86_64"})
provider = SamFunctionProvider(stacks)
given = json.loads(Path(variables).read_text("utf-8"))
runner = LocalLambdaRunner(None, provider, ".", ".", env_vars_values=given)
found = {
    each.name: {"variables": runner._make_env_vars(each).resolve(), "architectures": each.architectures}
    for each in provider.get_all()
    if not each.stack_path
}
print(json.dumps(found))
