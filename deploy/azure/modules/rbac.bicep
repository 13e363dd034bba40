// Who may do what in storage: roles.json, per container and per queue; for a whole account only the right to sign links.
@description('roles.json: the roles, and which service has which of them where.')
param table object
@description('Of each service: name and principalId.')
param identities array
param mediaName string
param mediaContainers array
param workName string

var principals = toObject(identities, each => each.name, each => each.principalId)
var ownRoles = filter(items(table.roles), role => contains(role.value, 'dataActions'))
var onContainers = filter(table.assignments, each => contains(each, 'container'))
var onAccounts = filter(table.assignments, each => contains(each, 'account'))
var onQueues = filter(table.assignments, each => contains(each, 'queue'))

resource roles 'Microsoft.Authorization/roleDefinitions@2022-04-01' = [for role in ownRoles: {
  name: guid(resourceGroup().id, role.key)
  properties: {
    roleName: '${role.value.name} (${resourceGroup().name})'
    description: 'Of Impasto: ${join(role.value.rights, ', ')}.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: role.value.actions
        dataActions: role.value.dataActions
      }
    ]
  }
}]

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' existing = [for each in onContainers: {
  name: '${contains(mediaContainers, each.container) ? mediaName : workName}/default/${each.container}'
}]

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01' existing = [for each in onQueues: {
  name: '${workName}/default/${each.queue}'
}]

resource containerRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (each, i) in onContainers: {
  name: guid(resourceGroup().id, each.container, each.service, each.role)
  scope: containers[i]
  dependsOn: [roles]
  properties: {
    principalId: principals[each.service]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', contains(table.roles[each.role], 'id') ? table.roles[each.role].id : guid(resourceGroup().id, each.role))
  }
}]

resource queueRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (each, i) in onQueues: {
  name: guid(resourceGroup().id, 'queue', each.queue, each.service, each.role)
  scope: queues[i]
  dependsOn: [roles]
  properties: {
    principalId: principals[each.service]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', contains(table.roles[each.role], 'id') ? table.roles[each.role].id : guid(resourceGroup().id, each.role))
  }
}]

resource media 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: mediaName
}

// A signed link allows no more than who signed it may do: this right alone opens nothing.
resource accountRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for each in onAccounts: {
  name: guid(resourceGroup().id, 'account', each.account, each.service, each.role)
  scope: media
  properties: {
    principalId: principals[each.service]
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', table.roles[each.role].id)
  }
}]

// What deploys makes resources, and the role assignments above.
var deploying = [
  'b24988ac-6180-42a0-ab88-20f7382dd24c' // Contributor
  '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9' // User Access Administrator
]

resource deployRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in deploying: {
  name: guid(resourceGroup().id, 'deploy', role)
  properties: {
    principalId: principals.deploy
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}]
