"""A gRPC client from generated code only: python -m grpc_tools makes it from proto/.

client.py GATEWAY TOKEN PROTO_ROOT EXECUTION  prints the execution and its log as one JSON document
"""

import json
import pathlib
import subprocess
import sys
import tempfile


def generate(proto_root, folder):
    files = sorted(str(path) for path in pathlib.Path(proto_root).rglob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto_root}"]
    command += [f"--python_out={folder}", f"--grpc_python_out={folder}", *files]
    subprocess.run(command, check=True)


def main(gateway, token, proto_root, execution_id):
    with tempfile.TemporaryDirectory() as folder:
        generate(proto_root, folder)
        sys.path.insert(0, folder)
        import grpc
        from google.protobuf.json_format import MessageToDict
        from katonic.dispatcher.v1 import execution_service_pb2 as executions
        from katonic.dispatcher.v1 import execution_service_pb2_grpc as executions_grpc
        from katonic.logs.v1 import log_service_pb2 as logs
        from katonic.logs.v1 import log_service_pb2_grpc as logs_grpc

        metadata = [("authorization", f"Bearer {token}")]
        with grpc.insecure_channel(gateway.removeprefix("http://")) as channel:
            execution = executions_grpc.ExecutionServiceStub(channel).GetExecution(
                executions.GetExecutionRequest(execution_id=execution_id), metadata=metadata
            )
            entries = []
            follow = logs_grpc.LogServiceStub(channel).FollowLog(
                logs.FollowLogRequest(execution_id=execution_id), metadata=metadata
            )
            for answer in follow:
                entries += [MessageToDict(entry) for entry in answer.entries]
        print(json.dumps({"execution": MessageToDict(execution.execution), "entries": entries}))


main(*sys.argv[1:])
