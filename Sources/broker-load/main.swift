import Glibc

exit(BrokerLoad.runProgram(Array(CommandLine.arguments.dropFirst())))
