// A job that runs to its end: by a schedule, or when somebody starts it.
param prefix string
param location string
param tags object
param name string
@description('By digest.')
param image string
@description('In place of the image\'s own; empty: the image\'s own.')
param command array
param args array
param environmentId string
@description('The server of the registry that has the image.')
param registryServer string
@description('Of the job: id and clientId.')
param identity object
@description('A cron expression in UTC; empty: somebody starts it.')
param schedule string
param env array

resource job 'Microsoft.App/jobs@2026-01-01' = {
  name: '${prefix}-${name}'
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject([identity.id], id => id, id => {})
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: empty(schedule) ? 'Manual' : 'Schedule'
      replicaTimeout: 3600
      replicaRetryLimit: 2
      registries: [{ server: registryServer, identity: identity.id }]
      manualTriggerConfig: empty(schedule) ? { parallelism: 1, replicaCompletionCount: 1 } : null
      scheduleTriggerConfig: empty(schedule) ? null : { cronExpression: schedule, parallelism: 1, replicaCompletionCount: 1 }
    }
    template: {
      containers: [
        {
          name: name
          image: image
          command: empty(command) ? null : command
          args: empty(args) ? null : args
          resources: { cpu: 1, memory: '2Gi' }
          env: concat(env, [{ name: 'AZURE_CLIENT_ID', value: identity.clientId }])
        }
      ]
    }
  }
}
