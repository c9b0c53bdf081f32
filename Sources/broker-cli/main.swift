// Nothing but the call: closures formed here would belong to the main actor, and die on the threads of loops.
BrokerCLI.runAndExit()
